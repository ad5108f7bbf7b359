/** All mails that there are, by name. */
import { type Translate, textsIn } from '../../i18n/translate.ts';
import type { MailMessage } from '../outbox.ts';
import {
  accountChangedMail,
  accountClosedMail,
  accountDisabledMail,
  accountErasedMail,
  administratorRightsMail,
  alreadyRegisteredMail,
  passwordChangedMail,
  refreshTokenReusedMail,
} from './account-notices.ts';
import {
  changeEmailMail,
  emailChangeRequestedMail,
  inviteMail,
  resetPasswordMail,
  testMail,
  verifyEmailMail,
  verifyRegistrationsMail,
} from './codes-and-links.ts';
import type { Mail, MailContent } from './layout.ts';
import { type Recipient, renderMail } from './layout.ts';

const templates = {
  'verify-email': verifyEmailMail,
  'verify-registrations': verifyRegistrationsMail,
  'already-registered': alreadyRegisteredMail,
  'account-closed': accountClosedMail,
  'reset-password': resetPasswordMail,
  invite: inviteMail,
  'change-email': changeEmailMail,
  'email-change-requested': emailChangeRequestedMail,
  'password-changed': passwordChangedMail,
  'account-changed': accountChangedMail,
  'administrator-rights': administratorRightsMail,
  'account-disabled': accountDisabledMail,
  'refresh-token-reused': refreshTokenReusedMail,
  'account-erased': accountErasedMail,
  test: testMail,
} as const satisfies Record<
  MailMessage['mail'] | 'verify-registrations' | 'test',
  (translate: Translate, mail: never) => MailContent
>;

export type MailName = keyof typeof templates;

/** What the template of a mail needs to know. */
export type Told<Name extends MailName> = Parameters<(typeof templates)[Name]>[1];

/** Writes a mail in the language of its recipient. */
export function writeMail<Name extends MailName>(
  name: Name,
  recipient: Recipient,
  told: Told<Name>,
): Mail {
  // The compiler cannot tie the template to its facts through the name; the signature does.
  const template = templates[name] as (translate: Translate, mail: Told<Name>) => MailContent;
  return renderMail(recipient, template(textsIn(recipient.locale), told));
}
