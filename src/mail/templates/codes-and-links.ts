/** The mails with a code or a link: verification, address change, password reset and invitation; and the test mail. */
import type { Translate } from '../../i18n/translate.ts';
import type { Cause } from '../cause.ts';
import { causeFacts } from './causes.ts';
import {
  type Block,
  button,
  facts,
  greeting,
  harmless,
  lifetime,
  type MailContent,
  minuteOf,
  paragraph,
  shortCodeBlock,
  type TemplateContext,
} from './content.ts';

/** A code; `email` is the address that it verifies. */
export interface CodeMail {
  readonly email: string;
  readonly code: string;
  readonly publicUrl: string;
  readonly lifetimeSeconds: number;
}

export function verifyEmailMail(
  translate: Translate,
  mail: CodeMail & { readonly name: string; readonly shortCode: string },
): MailContent {
  const { name, email, code } = mail;
  const body = name === '' ? 'mails.verifyEmail.body' : 'mails.verifyEmail.bodyByName';
  return {
    subject: translate('mails.verifyEmail.subject'),
    preheader: translate('mails.verifyEmail.preheader'),
    reason: 'given',
    forPrograms: [['Code', code]],
    blocks: [
      greeting(translate, name),
      paragraph(translate(body, { email })),
      button(translate('mails.verifyEmail.button'), `${mail.publicUrl}/verify-email?code=${code}`),
      ...typedCode(translate, mail.shortCode),
      paragraph(
        translate('mails.verifyEmail.note', {
          lifetime: lifetime(translate, mail.lifetimeSeconds),
        }),
      ),
    ],
  };
}

/** The short code, for people who read the mail on another device. */
function typedCode(translate: Translate, shortCode: string): Block[] {
  return [paragraph(translate('mails.verifyEmail.typed')), shortCodeBlock(shortCode)];
}

/** The pending registrations of one address. At most one is the recipient's own. */
export interface RegistrationsMail {
  readonly email: string;
  readonly publicUrl: string;
  readonly registrations: readonly {
    readonly name: string;
    readonly code: string;
    readonly shortCode: string;
    readonly registeredAt: Date;
    readonly expiresAt: Date;
  }[];
}

export function verifyRegistrationsMail(
  translate: Translate,
  mail: RegistrationsMail,
  { locale }: TemplateContext,
): MailContent {
  const { email, publicUrl, registrations } = mail;
  const text = 'mails.verifyRegistrations';
  const blocksOf = ({
    name,
    code,
    shortCode,
    ...times
  }: RegistrationsMail['registrations'][number]): Block[] => [
    paragraph(
      translate(`${text}.registration`, {
        name: harmless(name),
        registeredAt: minuteOf(times.registeredAt, locale),
        expiresAt: minuteOf(times.expiresAt, locale),
      }),
    ),
    button(translate(`${text}.button`), `${publicUrl}/verify-email?code=${code}`),
    ...typedCode(translate, shortCode),
  ];
  return {
    subject: translate('mails.verifyEmail.subject'),
    preheader: translate(`${text}.preheader`),
    reason: 'given',
    forPrograms: registrations.map(({ code }) => ['Code', code]),
    blocks: [
      greeting(translate),
      paragraph(translate(`${text}.body`, { email, count: registrations.length })),
      ...registrations.flatMap(blocksOf),
      paragraph(translate(`${text}.note`)),
    ],
  };
}

/** Without the name and the current address: the new address may belong to another person. */
export function changeEmailMail(translate: Translate, mail: CodeMail): MailContent {
  const { email, code, publicUrl } = mail;
  return {
    subject: translate('mails.changeEmail.subject'),
    preheader: translate('mails.changeEmail.preheader'),
    reason: 'given',
    forPrograms: [['Code', code]],
    blocks: [
      greeting(translate),
      paragraph(translate('mails.changeEmail.body', { email })),
      button(
        translate('mails.changeEmail.button'),
        `${publicUrl}/confirm-email-change?code=${code}`,
      ),
      paragraph(
        translate('mails.changeEmail.note', {
          lifetime: lifetime(translate, mail.lifetimeSeconds),
        }),
      ),
    ],
  };
}

/** To the current address. The requester knows the password, so the mail advises to change it. */
export function emailChangeRequestedMail(
  translate: Translate,
  mail: {
    readonly name: string;
    readonly email: string;
    readonly requestedEmail: string;
    readonly code: string;
    readonly publicUrl: string;
    readonly cause: Cause | undefined;
  },
  { locale }: TemplateContext,
): MailContent {
  const text = 'mails.emailChangeRequested';
  return {
    subject: translate(`${text}.subject`),
    preheader: translate(`${text}.preheader`),
    reason: 'owner',
    forPrograms: [['Code', mail.code]],
    blocks: [
      greeting(translate, mail.name),
      paragraph(translate(`${text}.body`)),
      facts({
        [translate(`${text}.present`)]: mail.email,
        [translate(`${text}.requested`)]: mail.requestedEmail,
        ...causeFacts(translate, locale, mail.cause),
      }),
      paragraph(translate(`${text}.unchanged`)),
      paragraph(translate(`${text}.stop`)),
      button(
        translate(`${text}.button`),
        `${mail.publicUrl}/cancel-email-change?code=${mail.code}`,
      ),
    ],
  };
}

export interface PasswordLinkMail {
  readonly name: string;
  readonly email: string;
  readonly uid: string;
  readonly token: string;
  readonly publicUrl: string;
  readonly lifetimeSeconds: number;
}

export function resetPasswordMail(
  translate: Translate,
  mail: PasswordLinkMail & { readonly cause: Cause | undefined },
  { locale }: TemplateContext,
): MailContent {
  const lines = causeFacts(translate, locale, mail.cause);
  const text = 'mails.resetPassword';
  return passwordLinkMail(translate, mail, {
    name: 'resetPassword',
    reason: 'owner',
    beforeButton: [
      ...(Object.keys(lines).length > 0 ? [facts(lines)] : []),
      paragraph(translate(`${text}.ifYou`)),
    ],
  });
}

export function inviteMail(translate: Translate, mail: PasswordLinkMail): MailContent {
  return passwordLinkMail(translate, mail, { name: 'invite', reason: 'given', beforeButton: [] });
}

function passwordLinkMail(
  translate: Translate,
  { name, email, uid, token, publicUrl, lifetimeSeconds }: PasswordLinkMail,
  parts: Pick<MailContent, 'reason'> & {
    readonly name: 'resetPassword' | 'invite';
    readonly beforeButton: readonly Block[];
  },
): MailContent {
  const text = `mails.${parts.name}` as const;
  return {
    subject: translate(`${text}.subject`),
    preheader: translate(`${text}.preheader`),
    reason: parts.reason,
    forPrograms: [
      ['Uid', uid],
      ['Token', token],
    ],
    blocks: [
      greeting(translate, name),
      paragraph(translate(`${text}.body`, { email })),
      ...parts.beforeButton,
      button(translate(`${text}.button`), `${publicUrl}/reset-password?uid=${uid}&token=${token}`),
      paragraph(translate(`${text}.note`, { lifetime: lifetime(translate, lifetimeSeconds) })),
    ],
  };
}

export function testMail(translate: Translate, _nothing: object): MailContent {
  return {
    subject: translate('mails.test.subject'),
    preheader: translate('mails.test.preheader'),
    reason: 'test',
    blocks: [greeting(translate), paragraph(translate('mails.test.body'))],
  };
}
