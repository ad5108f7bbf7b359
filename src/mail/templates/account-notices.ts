/** Notices to the owner of an account about changes and attempted changes. */
import type { Translate } from '../../i18n/translate.ts';
import type { Cause } from '../cause.ts';
import { causeFacts } from './causes.ts';
import {
  type Block,
  button,
  facts,
  greeting,
  type MailContent,
  paragraph,
  type TemplateContext,
} from './content.ts';

export interface NoticeMail {
  readonly name: string;
  readonly email: string;
  readonly publicUrl: string;
  readonly cause: Cause | undefined;
}

const translatedFields = ['email', 'username', 'firstName', 'lastName'] as const;

/** @param mail.fields names as in the schema; a name without a translation is shown unchanged */
export function accountChangedMail(
  translate: Translate,
  mail: Omit<NoticeMail, 'email'> & { readonly fields: readonly string[] },
  context: TemplateContext,
): MailContent {
  const words = mail.fields.map((field) => {
    const named = translatedFields.find((name) => name === field);
    return named ? translate(`mails.accountChanged.fields.${named}`) : field;
  });
  // This mail goes to the former address, which gets no reset link.
  const isAddressChanged = mail.fields.includes('email');
  return {
    ...headOf(translate, 'accountChanged'),
    reason: isAddressChanged ? 'formerOwner' : 'owner',
    blocks: [
      greeting(translate, mail.name),
      paragraph(translate('mails.accountChanged.body')),
      facts({
        [translate('mails.accountChanged.changed')]: words.join(', '),
        ...causeFacts(translate, context.locale, mail.cause),
      }),
      ...(isAddressChanged
        ? [unexpected(translate, context)]
        : stepsAfter(translate, mail, context)),
    ],
  };
}

/** To the owner of an account whose address someone else tried to use. */
export function alreadyRegisteredMail(
  translate: Translate,
  mail: NoticeMail,
  context: TemplateContext,
): MailContent {
  return notice(translate, mail, {
    name: 'alreadyRegistered',
    context,
    steps: [
      paragraph(translate('mails.alreadyRegistered.note')),
      resetButton(translate, mail.publicUrl),
    ],
  });
}

/** The same for a disabled account. */
export function accountClosedMail(
  translate: Translate,
  mail: NoticeMail,
  context: TemplateContext,
): MailContent {
  const steps = [paragraph(translate('mails.accountClosed.note'))];
  return notice(translate, mail, { name: 'accountClosed', context, steps });
}

export function passwordChangedMail(
  translate: Translate,
  mail: NoticeMail,
  context: TemplateContext,
): MailContent {
  const steps = stepsAfter(translate, mail, context);
  return notice(translate, mail, { name: 'passwordChanged', context, steps });
}

export const administratorRightsMail = noticeOfAdministration('administratorRights');
export const accountDisabledMail = noticeOfAdministration('accountDisabled');

/** The notice of a change that an administrator or the operator makes. */
function noticeOfAdministration(name: 'administratorRights' | 'accountDisabled') {
  return (translate: Translate, mail: NoticeMail, context: TemplateContext): MailContent =>
    notice(translate, mail, { name, context, steps: [unexpected(translate, context)] });
}

export function refreshTokenReusedMail(
  translate: Translate,
  mail: NoticeMail,
  context: TemplateContext,
): MailContent {
  const name = 'refreshTokenReused';
  return notice(translate, mail, {
    name,
    context,
    introduction: [paragraph(translate(`mails.${name}.use`))],
    steps: [
      paragraph(translate(`mails.${name}.ifYou`)),
      ...stepsForStranger(translate, mail.publicUrl, context),
    ],
  });
}

/** Has the address only: no other data of the user exists any more. */
export function accountErasedMail(
  translate: Translate,
  mail: Pick<NoticeMail, 'email' | 'cause'>,
  context: TemplateContext,
): MailContent {
  const steps = [unexpected(translate, context), paragraph(translate('mails.accountErased.last'))];
  const content = notice(
    translate,
    { ...mail, name: '' },
    { name: 'accountErased', context, steps },
  );
  return { ...content, reason: 'formerOwner' };
}

type NoticeName =
  | 'accountClosed'
  | 'accountDisabled'
  | 'accountErased'
  | 'administratorRights'
  | 'alreadyRegistered'
  | 'passwordChanged'
  | 'refreshTokenReused';

function notice(
  translate: Translate,
  mail: Pick<NoticeMail, 'name' | 'email' | 'cause'>,
  {
    name,
    context,
    introduction = [],
    steps,
  }: {
    readonly name: NoticeName;
    readonly context: TemplateContext;
    /** Stands before the facts of the cause, if it has any. */
    readonly introduction?: readonly Block[];
    readonly steps: readonly Block[];
  },
): MailContent {
  const lines = causeFacts(translate, context.locale, mail.cause);
  const hasFacts = Object.keys(lines).length > 0;
  return {
    ...headOf(translate, name),
    reason: 'owner',
    blocks: [
      greeting(translate, mail.name),
      paragraph(translate(`mails.${name}.body`, { email: mail.email })),
      ...(hasFacts ? [...introduction, facts(lines)] : []),
      ...steps,
    ],
  };
}

function headOf(translate: Translate, name: NoticeName | 'accountChanged') {
  return {
    subject: translate(`mails.${name}.subject`),
    preheader: translate(`mails.${name}.preheader`),
  };
}

/** What the owner can do about a change. The owner did not make a change of an administrator. */
function stepsAfter(
  translate: Translate,
  { cause, publicUrl }: Pick<NoticeMail, 'cause' | 'publicUrl'>,
  context: TemplateContext,
): Block[] {
  if (cause && cause.by !== 'client') return [unexpected(translate, context)];
  return [paragraph(translate('mails.ifYou')), ...stepsForStranger(translate, publicUrl, context)];
}

function stepsForStranger(
  translate: Translate,
  publicUrl: string,
  { brand }: TemplateContext,
): Block[] {
  const text = brand.supportEmail === undefined ? 'mails.resetFails' : 'mails.resetFailsByMail';
  return [
    paragraph(translate('mails.ifNotYou')),
    resetButton(translate, publicUrl),
    paragraph(translate(text)),
  ];
}

function resetButton(translate: Translate, publicUrl: string): Block {
  return button(translate('mails.resetButton'), `${publicUrl}/forgot-password`);
}

function unexpected(translate: Translate, { brand }: TemplateContext): Block {
  const text = brand.supportEmail === undefined ? 'mails.unexpected' : 'mails.unexpectedByMail';
  return paragraph(translate(text));
}
