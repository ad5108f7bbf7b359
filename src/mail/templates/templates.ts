/** The templates of all mails, by name. */
import type { Brand } from '../../config/brand.ts';
import type { Texts, Translate } from '../../i18n/translate.ts';
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
import type { MailContent, TemplateContext } from './content.ts';
import { type Mail, type Recipient, renderMail } from './layout.ts';

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
  (translate: Translate, mail: never, context: TemplateContext) => MailContent
>;

export type MailName = keyof typeof templates;

/** The data that the template of a mail needs. */
export type TemplateData<Name extends MailName> = Parameters<(typeof templates)[Name]>[1];

/** Writes a mail in the language of its recipient. */
export type WriteMail = <Name extends MailName>(
  name: Name,
  recipient: Recipient,
  data: TemplateData<Name>,
) => Mail;

export function createMailWriter(deps: {
  readonly texts: Texts;
  readonly brand: Brand;
}): WriteMail {
  return (name, recipient, data) => {
    const translate = deps.texts(recipient.locale);
    // as: the compiler cannot connect template and data through the name. The signature does.
    const template = templates[name] as (
      translate: Translate,
      mail: typeof data,
      context: TemplateContext,
    ) => MailContent;
    const { brand } = deps;
    const content = template(translate, data, { locale: recipient.locale, brand });
    return renderMail(recipient, content, { translate, brand });
  };
}
