/** The mails to choose a password with: asked for by its owner, or an invitation. */
import type { Say } from '../../core/texts/texts.ts';
import { button, facts, greeting, lifetime, type MailContent, paragraph } from './blocks.ts';

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
