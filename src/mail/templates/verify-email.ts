/** The mail that proves an address: one code and one link, for one registration. */
import { button, facts, harmless, type MailContent, paragraph } from './layout.ts';

export function verifyEmailMail(mail: {
  readonly name: string;
  readonly email: string;
  readonly code: string;
  readonly publicUrl: string;
  readonly lifetimeHours: number;
}): MailContent {
  return {
    subject: 'Confirm your email address',
    blocks: [
      paragraph(mail.name === '' ? 'Hello,' : `Hello ${harmless(mail.name)},`),
      paragraph(
        `an account was requested for ${mail.email}${mail.name === '' ? '' : ' under the name above'}. If that was you, confirm the address:`,
      ),
      button('Confirm this address', `${mail.publicUrl}/verify-email?code=${mail.code}`),
      facts({ Code: mail.code }),
      paragraph(
        `The code works once, for ${mail.lifetimeHours === 1 ? 'one hour' : `${mail.lifetimeHours} hours`}. If you did not ask for it, or the name is not yours, do not use it: without it nothing happens.`,
      ),
    ],
  };
}
