/** The two mails of a change of address: a code for the new one, a notice to the present one. */
import type { Say } from '../../core/texts/texts.ts';
import { button, facts, greeting, lifetime, type MailContent, paragraph } from './blocks.ts';
import type { CodeMail } from './verify-email.ts';

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
