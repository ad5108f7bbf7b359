/** The mail that proves an address: one code and one link, for one registration. */
import type { Say } from '../../core/texts/texts.ts';
import { button, facts, greeting, lifetime, type MailContent, paragraph } from './blocks.ts';

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
