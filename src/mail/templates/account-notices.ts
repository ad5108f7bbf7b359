/** Notices to the owner of an account about something that was done to it, or tried. */
import type { Say } from '../../i18n/translate.ts';
import { facts, greeting, type MailContent, paragraph } from './layout.ts';

export interface NoticeMail {
  readonly name: string;
  readonly email: string;
}

const namedFields = ['email', 'username', 'firstName', 'lastName', 'status'] as const;

/** @param mail.fields names as in the schema; one without a word of its own is shown as it is */
export function accountChangedMail(
  say: Say,
  mail: { readonly name: string; readonly fields: readonly string[] },
): MailContent {
  const words = mail.fields.map((field) => {
    const named = namedFields.find((name) => name === field);
    return named ? say(`mails.accountChanged.fields.${named}`) : field;
  });
  return {
    subject: say('mails.accountChanged.subject'),
    blocks: [
      greeting(say, mail.name),
      paragraph(say('mails.accountChanged.body')),
      facts({ [say('mails.accountChanged.changed')]: words.join(', ') }),
      paragraph(say('mails.unexpected')),
    ],
  };
}

/** Somebody wanted an address that has an account; sent to its owner. */
export function alreadyRegisteredMail(say: Say, mail: NoticeMail): MailContent {
  return notice(say, mail, {
    subject: say('mails.alreadyRegistered.subject'),
    body: say('mails.alreadyRegistered.body', { email: mail.email }),
    note: say('mails.alreadyRegistered.note'),
  });
}

/** Somebody wanted an address whose account is disabled; sent to its owner. */
export function accountClosedMail(say: Say, mail: NoticeMail): MailContent {
  return notice(say, mail, {
    subject: say('mails.accountClosed.subject'),
    body: say('mails.accountClosed.body', { email: mail.email }),
    note: say('mails.accountClosed.note'),
  });
}

export function passwordChangedMail(say: Say, mail: NoticeMail): MailContent {
  return notice(say, mail, {
    subject: say('mails.passwordChanged.subject'),
    body: say('mails.passwordChanged.body', { email: mail.email }),
    note: say('mails.changePassword'),
  });
}

export function administratorRightsMail(say: Say, mail: NoticeMail): MailContent {
  return notice(say, mail, {
    subject: say('mails.administratorRights.subject'),
    body: say('mails.administratorRights.body', { email: mail.email }),
    note: say('mails.unexpected'),
  });
}

export function accountDisabledMail(say: Say, mail: NoticeMail): MailContent {
  return notice(say, mail, {
    subject: say('mails.accountDisabled.subject'),
    body: say('mails.accountDisabled.body', { email: mail.email }),
    note: say('mails.unexpected'),
  });
}

export function refreshTokenReusedMail(say: Say, mail: NoticeMail): MailContent {
  return notice(say, mail, {
    subject: say('mails.refreshTokenReused.subject'),
    body: say('mails.refreshTokenReused.body', { email: mail.email }),
    note: say('mails.refreshTokenReused.note'),
  });
}

/** Names the address only: nothing else about the person is kept. */
export function accountErasedMail(say: Say, mail: { readonly email: string }): MailContent {
  return notice(
    say,
    { ...mail, name: '' },
    {
      subject: say('mails.accountErased.subject'),
      body: say('mails.accountErased.body', { email: mail.email }),
      note: say('mails.accountErased.note'),
    },
  );
}

function notice(
  say: Say,
  { name }: NoticeMail,
  { subject, body, note }: Readonly<Record<'subject' | 'body' | 'note', string>>,
): MailContent {
  return { subject, blocks: [greeting(say, name), paragraph(body), paragraph(note)] };
}
