/** Tells the owner of an account that somebody tried to register its address again. */
import { type MailContent, paragraph } from './layout.ts';

export function alreadyRegisteredMail(mail: { readonly email: string }): MailContent {
  return {
    subject: 'You already have an account',
    blocks: [
      paragraph('Hello,'),
      paragraph(
        `somebody asked for a new account for ${mail.email}. You already have an account with this address, so nothing was changed.`,
      ),
      paragraph(
        'If it was you, log in as before, or ask for a new password. If it was not you, there is nothing to do.',
      ),
    ],
  };
}
