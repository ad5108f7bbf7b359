/** Notices to the owner of an account about something that was done to it. */
import { facts, type MailContent, paragraph } from './layout.ts';

const fieldLabels: Readonly<Record<string, string>> = {
  email: 'email address',
  username: 'username',
  firstName: 'first name',
  lastName: 'last name',
  status: 'status',
};

const ifNotYou = paragraph('If you did not expect this, tell your administrator.');

export function accountChangedMail(mail: { readonly fields: readonly string[] }): MailContent {
  return {
    subject: 'Your account was changed',
    blocks: [
      paragraph('Hello,'),
      paragraph('something about your account was changed:'),
      facts({ Changed: mail.fields.map((field) => fieldLabels[field] ?? field).join(', ') }),
      ifNotYou,
    ],
  };
}

export function administratorRightsMail(mail: { readonly email: string }): MailContent {
  return {
    subject: 'Security notice: administrator rights',
    blocks: [
      paragraph('Hello,'),
      paragraph(`the account ${mail.email} now has the rights of an administrator.`),
      ifNotYou,
    ],
  };
}

export function refreshTokenReusedMail(mail: { readonly email: string }): MailContent {
  return {
    subject: 'Security notice: a session was ended',
    blocks: [
      paragraph('Hello,'),
      paragraph(
        `a session of ${mail.email} was ended, because a token of it was used twice. That happens when somebody has copied it.`,
      ),
      paragraph('Log in again. If you did not expect this, change your password too.'),
    ],
  };
}

export function accountDisabledMail(mail: { readonly email: string }): MailContent {
  return {
    subject: 'Security notice: your account was disabled',
    blocks: [
      paragraph('Hello,'),
      paragraph(`the account ${mail.email} was disabled, and nobody can log in with it any more.`),
      ifNotYou,
    ],
  };
}
