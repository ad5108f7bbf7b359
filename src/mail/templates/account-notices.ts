/** Notices to the owner of an account about changes and attempted changes. */
import type { Translate } from '../../i18n/translate.ts';
import { facts, greeting, type MailContent, paragraph } from './layout.ts';

export interface NoticeMail {
  readonly name: string;
  readonly email: string;
}

const translatedFields = ['email', 'username', 'firstName', 'lastName'] as const;

/** @param mail.fields names as in the schema; a name without a translation is shown unchanged */
export function accountChangedMail(
  translate: Translate,
  mail: { readonly name: string; readonly fields: readonly string[] },
): MailContent {
  const words = mail.fields.map((field) => {
    const named = translatedFields.find((name) => name === field);
    return named ? translate(`mails.accountChanged.fields.${named}`) : field;
  });
  return {
    subject: translate('mails.accountChanged.subject'),
    blocks: [
      greeting(translate, mail.name),
      paragraph(translate('mails.accountChanged.body')),
      facts({ [translate('mails.accountChanged.changed')]: words.join(', ') }),
      paragraph(translate('mails.unexpected')),
    ],
  };
}

/** To the owner of an account whose address someone else tried to use. */
export function alreadyRegisteredMail(translate: Translate, mail: NoticeMail): MailContent {
  return notice(translate, mail, {
    subject: translate('mails.alreadyRegistered.subject'),
    body: translate('mails.alreadyRegistered.body', { email: mail.email }),
    note: translate('mails.alreadyRegistered.note'),
  });
}

/** The same for a disabled account. */
export function accountClosedMail(translate: Translate, mail: NoticeMail): MailContent {
  return notice(translate, mail, {
    subject: translate('mails.accountClosed.subject'),
    body: translate('mails.accountClosed.body', { email: mail.email }),
    note: translate('mails.accountClosed.note'),
  });
}

export function passwordChangedMail(translate: Translate, mail: NoticeMail): MailContent {
  return notice(translate, mail, {
    subject: translate('mails.passwordChanged.subject'),
    body: translate('mails.passwordChanged.body', { email: mail.email }),
    note: translate('mails.changePassword'),
  });
}

export function administratorRightsMail(translate: Translate, mail: NoticeMail): MailContent {
  return notice(translate, mail, {
    subject: translate('mails.administratorRights.subject'),
    body: translate('mails.administratorRights.body', { email: mail.email }),
    note: translate('mails.unexpected'),
  });
}

export function accountDisabledMail(translate: Translate, mail: NoticeMail): MailContent {
  return notice(translate, mail, {
    subject: translate('mails.accountDisabled.subject'),
    body: translate('mails.accountDisabled.body', { email: mail.email }),
    note: translate('mails.unexpected'),
  });
}

export function refreshTokenReusedMail(translate: Translate, mail: NoticeMail): MailContent {
  return notice(translate, mail, {
    subject: translate('mails.refreshTokenReused.subject'),
    body: translate('mails.refreshTokenReused.body', { email: mail.email }),
    note: translate('mails.refreshTokenReused.note'),
  });
}

/** Has the address only: no other data of the user exists any more. */
export function accountErasedMail(
  translate: Translate,
  mail: { readonly email: string },
): MailContent {
  return notice(
    translate,
    { ...mail, name: '' },
    {
      subject: translate('mails.accountErased.subject'),
      body: translate('mails.accountErased.body', { email: mail.email }),
      note: translate('mails.accountErased.note'),
    },
  );
}

function notice(
  translate: Translate,
  { name }: NoticeMail,
  { subject, body, note }: Readonly<Record<'subject' | 'body' | 'note', string>>,
): MailContent {
  return { subject, blocks: [greeting(translate, name), paragraph(body), paragraph(note)] };
}
