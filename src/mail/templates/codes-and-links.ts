/** The mails with a code or a link: verification, address change, password reset and invitation; and the test mail. */
import type { Translate } from '../../i18n/translate.ts';
import {
  type Block,
  button,
  facts,
  greeting,
  harmless,
  lifetime,
  type MailContent,
  paragraph,
  shortCodeBlock,
} from './layout.ts';

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
    blocks: [
      greeting(translate, name),
      paragraph(translate(body, { email })),
      button(translate('mails.verifyEmail.button'), `${mail.publicUrl}/verify-email?code=${code}`),
      ...typedCode(translate, mail.shortCode),
      facts({ Code: code }),
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
        registeredAt: minuteOf(times.registeredAt),
        expiresAt: minuteOf(times.expiresAt),
      }),
    ),
    button(
      translate(`${text}.button`, { name: harmless(name) }),
      `${publicUrl}/verify-email?code=${code}`,
    ),
    ...typedCode(translate, shortCode),
    facts({ Code: code }),
  ];
  return {
    subject: translate('mails.verifyEmail.subject'),
    blocks: [
      greeting(translate),
      paragraph(translate(`${text}.body`, { email, count: registrations.length })),
      ...registrations.flatMap(blocksOf),
      paragraph(translate(`${text}.note`)),
    ],
  };
}

/** Such as `2026-01-31 12:00 UTC`. */
function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Without the name and the current address: the new address may belong to another person. */
export function changeEmailMail(translate: Translate, mail: CodeMail): MailContent {
  const { email, code, publicUrl } = mail;
  return {
    subject: translate('mails.changeEmail.subject'),
    blocks: [
      greeting(translate),
      paragraph(translate('mails.changeEmail.body', { email })),
      button(
        translate('mails.changeEmail.button'),
        `${publicUrl}/confirm-email-change?code=${code}`,
      ),
      facts({ Code: code }),
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
  },
): MailContent {
  const text = 'mails.emailChangeRequested';
  return {
    subject: translate(`${text}.subject`),
    blocks: [
      greeting(translate, mail.name),
      paragraph(translate(`${text}.body`)),
      facts({
        [translate(`${text}.present`)]: mail.email,
        [translate(`${text}.requested`)]: mail.requestedEmail,
      }),
      paragraph(translate(`${text}.unchanged`)),
      paragraph(translate(`${text}.stop`)),
      button(
        translate(`${text}.button`),
        `${mail.publicUrl}/cancel-email-change?code=${mail.code}`,
      ),
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

export function resetPasswordMail(translate: Translate, mail: PasswordLinkMail): MailContent {
  return passwordLinkMail(translate, 'resetPassword', mail);
}

export function inviteMail(translate: Translate, mail: PasswordLinkMail): MailContent {
  return passwordLinkMail(translate, 'invite', mail);
}

function passwordLinkMail(
  translate: Translate,
  words: 'resetPassword' | 'invite',
  { name, email, uid, token, publicUrl, lifetimeSeconds }: PasswordLinkMail,
): MailContent {
  return {
    subject: translate(`mails.${words}.subject`),
    blocks: [
      greeting(translate, name),
      paragraph(translate(`mails.${words}.body`, { email })),
      button(
        translate(`mails.${words}.button`),
        `${publicUrl}/reset-password?uid=${uid}&token=${token}`,
      ),
      facts({ Uid: uid, Token: token }),
      paragraph(
        translate(`mails.${words}.note`, { lifetime: lifetime(translate, lifetimeSeconds) }),
      ),
    ],
  };
}

export function testMail(translate: Translate, _nothing: object): MailContent {
  return {
    subject: translate('mails.test.subject'),
    blocks: [greeting(translate), paragraph(translate('mails.test.body'))],
  };
}
