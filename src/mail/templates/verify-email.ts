/** The mail that verifies an address: a code and a link for each registration that waits. */
import type { Say } from '../../core/texts/texts.ts';
import {
  type Block,
  button,
  facts,
  greeting,
  harmless,
  lifetime,
  type MailContent,
  paragraph,
} from './blocks.ts';

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
