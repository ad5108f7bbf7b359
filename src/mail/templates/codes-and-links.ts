/** The mail that verifies an address: a code and a link for each registration that waits. */
import type { Say } from '../../i18n/translate.ts';
import {
  type Block,
  button,
  facts,
  greeting,
  harmless,
  lifetime,
  type MailContent,
  paragraph,
} from './layout.ts';

/** A code that is mailed; `email` is the address that it proves. */
export interface CodeMail {
  readonly email: string;
  readonly code: string;
  readonly publicUrl: string;
  readonly lifetimeSeconds: number;
}

export function verifyEmailMail(say: Say, mail: CodeMail & { readonly name: string }): MailContent {
  const { name, email, code } = mail;
  const body = name === '' ? 'mails.verifyEmail.body' : 'mails.verifyEmail.bodyByName';
  return {
    subject: say('mails.verifyEmail.subject'),
    blocks: [
      greeting(say, name),
      paragraph(say(body, { email })),
      button(say('mails.verifyEmail.button'), `${mail.publicUrl}/verify-email?code=${code}`),
      facts({ Code: code }),
      paragraph(say('mails.verifyEmail.note', { lifetime: lifetime(say, mail.lifetimeSeconds) })),
    ],
  };
}

/** Several registrations wait for one address; at most one of them is the reader's own. */
export interface RegistrationsMail {
  readonly email: string;
  readonly publicUrl: string;
  readonly registrations: readonly {
    readonly name: string;
    readonly code: string;
    readonly registeredAt: Date;
    readonly expiresAt: Date;
  }[];
}

export function verifyRegistrationsMail(say: Say, mail: RegistrationsMail): MailContent {
  const { email, publicUrl, registrations } = mail;
  const text = 'mails.verifyRegistrations';
  const blocksOf = ({
    name,
    code,
    ...times
  }: RegistrationsMail['registrations'][number]): Block[] => [
    paragraph(
      say(`${text}.registration`, {
        name: harmless(name),
        registeredAt: minuteOf(times.registeredAt),
        expiresAt: minuteOf(times.expiresAt),
      }),
    ),
    button(
      say(`${text}.button`, { name: harmless(name) }),
      `${publicUrl}/verify-email?code=${code}`,
    ),
    facts({ Code: code }),
  ];
  return {
    subject: say('mails.verifyEmail.subject'),
    blocks: [
      greeting(say),
      paragraph(say(`${text}.body`, { email, count: registrations.length })),
      ...registrations.flatMap(blocksOf),
      paragraph(say(`${text}.note`)),
    ],
  };
}

/** Such as `2026-01-31 12:00 UTC`. */
function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Names neither the person nor the present address: the new one may be somebody else's. */
export function changeEmailMail(say: Say, mail: CodeMail): MailContent {
  const { email, code, publicUrl } = mail;
  return {
    subject: say('mails.changeEmail.subject'),
    blocks: [
      greeting(say),
      paragraph(say('mails.changeEmail.body', { email })),
      button(say('mails.changeEmail.button'), `${publicUrl}/confirm-email-change?code=${code}`),
      facts({ Code: code }),
      paragraph(say('mails.changeEmail.note', { lifetime: lifetime(say, mail.lifetimeSeconds) })),
    ],
  };
}

/** To the present address. Whoever asked knows the password, so it is to be changed as well. */
export function emailChangeRequestedMail(
  say: Say,
  mail: {
    readonly name: string;
    readonly email: string;
    readonly requestedEmail: string;
    readonly code: string;
    readonly publicUrl: string;
  },
): MailContent {
  const text = 'mails.emailChangeRequested';
  return {
    subject: say(`${text}.subject`),
    blocks: [
      greeting(say, mail.name),
      paragraph(say(`${text}.body`)),
      facts({
        [say(`${text}.present`)]: mail.email,
        [say(`${text}.requested`)]: mail.requestedEmail,
      }),
      paragraph(say(`${text}.unchanged`)),
      paragraph(say(`${text}.stop`)),
      button(say(`${text}.button`), `${mail.publicUrl}/cancel-email-change?code=${mail.code}`),
      facts({ Code: mail.code }),
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

export function resetPasswordMail(say: Say, mail: PasswordLinkMail): MailContent {
  return passwordLinkMail(say, 'resetPassword', mail);
}

export function inviteMail(say: Say, mail: PasswordLinkMail): MailContent {
  return passwordLinkMail(say, 'invite', mail);
}

function passwordLinkMail(
  say: Say,
  words: 'resetPassword' | 'invite',
  { name, email, uid, token, publicUrl, lifetimeSeconds }: PasswordLinkMail,
): MailContent {
  return {
    subject: say(`mails.${words}.subject`),
    blocks: [
      greeting(say, name),
      paragraph(say(`mails.${words}.body`, { email })),
      button(say(`mails.${words}.button`), `${publicUrl}/reset-password?uid=${uid}&token=${token}`),
      facts({ Uid: uid, Token: token }),
      paragraph(say(`mails.${words}.note`, { lifetime: lifetime(say, lifetimeSeconds) })),
    ],
  };
}

export function testMail(say: Say, _nothing: object): MailContent {
  return {
    subject: say('mails.test.subject'),
    blocks: [greeting(say), paragraph(say('mails.test.body'))],
  };
}
