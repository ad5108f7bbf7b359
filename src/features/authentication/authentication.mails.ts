/** Writes the mail for a message from the current rows of the database. An obsolete message gives no mail. */

import type { EmailAddress } from '../../core/parse.ts';
import type { Clock } from '../../core/time.ts';
import type { OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { supportedLocaleOf } from '../../i18n/locale.ts';
import type { Cause } from '../../mail/cause.ts';
import type { ComposeMail, MailMessage } from '../../mail/outbox.ts';
import type { Mail } from '../../mail/templates/layout.ts';
import type { MailName, TemplateData, WriteMail } from '../../mail/templates/templates.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import { OneTimePassword } from '../one-time-passwords/one-time-password.entity.ts';
import type { WriteRegistrationMail } from '../registrations/registrations.mails.ts';
import { User } from '../users/user.entity.ts';
import type { AddressNotices } from './address-notices.ts';
import { uidOf } from './password-reset.ts';

export interface AccountMailsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly publicUrl: string;
  readonly writeMail: WriteMail;
  readonly writeRegistrationMail: WriteRegistrationMail;
  readonly addressNotices: AddressNotices;
  readonly attemptLimits: Pick<AttemptLimits, 'limitMail'>;
}

/** Mails that need only the name and address of the account. */
type Notice = Exclude<Extract<MailMessage, { userId: string }>['mail'], 'account-changed'>;

type VerificationMessage = Extract<MailMessage, { mail: 'verify-email' }>;

/** The data of a one-time password for its mail. */
interface SecretData {
  /** The address that the secret verifies. */
  readonly email: string;
  readonly secret: string;
  readonly name: string;
  readonly publicUrl: string;
  readonly lifetimeSeconds: number;
}

export function createAccountMails(deps: AccountMailsDeps): ComposeMail {
  const { unitOfWork, secrets, clock, publicUrl, writeMail } = deps;
  const { em } = unitOfWork;

  /** The mail to the address that the secret verifies; undefined for a used, replaced or expired secret. */
  const secretMail = async <Name extends MailName>(
    name: Name,
    id: string,
    toTemplateData: (data: SecretData, user: User) => TemplateData<Name> | undefined,
  ): Promise<Mail | undefined> => {
    const password = await em.findOne(OneTimePassword, { id }, { populate: ['user'] });
    if (!password || password.endedAt || password.expiresAt <= clock()) return undefined;
    const user: User = password.user;
    const data = toTemplateData(secretData(password), user);
    return data && writeMail(name, { to: password.email, locale: localeOf(user) }, data);
  };

  const secretData = (password: OneTimePassword): SecretData => ({
    email: password.email,
    secret: secrets.derive(password.id),
    name: nameOf(password.user),
    publicUrl,
    lifetimeSeconds: (password.expiresAt.getTime() - password.createdAt.getTime()) / 1000,
  });

  const changeMail = (id: string) =>
    secretMail('change-email', id, ({ secret, ...data }) => ({ ...data, code: secret }));

  /** A message of an older release has the id of a code in `registrations`. */
  const verification = async (message: VerificationMessage): Promise<Mail | undefined> => {
    if ('codeIds' in message) return deps.writeRegistrationMail(message.codeIds);
    const { oneTimePasswordId: id } = message;
    const mail = await secretMail('verify-email', id, ({ secret, ...data }) => ({
      ...data,
      code: secret,
      shortCode: secrets.deriveShort(id),
    }));
    return mail ?? deps.writeRegistrationMail([id]);
  };

  /** An account that already owns the address gets a notice instead of the code. */
  const newAddressCode = async (id: string, attempt: number): Promise<Mail | undefined> => {
    const password = await em.findOne(OneTimePassword, { id, endedAt: null });
    if (!password) return undefined;
    const email = password.email as EmailAddress; // parsed before it was stored
    const isOwned = await deps.addressNotices.notifyOwner(email, password.user.id);
    if (isOwned) return undefined;
    let mail: Mail | undefined;
    const compose = async () => {
      mail = await changeMail(id);
      return mail !== undefined;
    };
    if (attempt > 1)
      await compose(); // the first attempt was counted
    else await deps.attemptLimits.limitMail(email, 'new-address', compose);
    return mail;
  };

  const passwordLink = (name: 'reset-password' | 'invite', id: string, cause: Cause | undefined) =>
    secretMail(name, id, ({ secret, ...data }, user) => ({
      ...data,
      cause,
      uid: uidOf(user.id),
      token: secret,
    }));

  const changeNotice = (id: string, cause: Cause | undefined) =>
    secretMail('email-change-requested', id, ({ secret, ...data }, { pendingEmail }) =>
      pendingEmail === null
        ? undefined
        : { ...data, cause, code: secret, requestedEmail: pendingEmail },
    );

  const notice = async (name: Notice, userId: string, cause: Cause | undefined) => {
    const user = await em.findOne(User, { id: userId });
    if (!user) return undefined;
    const data = { name: nameOf(user), email: user.email, publicUrl, cause };
    return writeMail(name, { to: user.email, locale: localeOf(user) }, data);
  };

  const accountChanged = async (
    message: Extract<MailMessage, { mail: 'account-changed' }>,
    cause: Cause | undefined,
  ): Promise<Mail | undefined> => {
    const user = await em.findOne(User, { id: message.userId });
    if (!user) return undefined;
    const recipient = { to: message.to ?? user.email, locale: localeOf(user) };
    const { fields } = message;
    return writeMail('account-changed', recipient, {
      name: nameOf(user),
      fields,
      publicUrl,
      cause,
    });
  };

  return async (message, { attempt, cause }) => {
    switch (message.mail) {
      case 'verify-email':
        return verification(message);
      case 'change-email':
        return newAddressCode(message.oneTimePasswordId, attempt);
      case 'reset-password':
      case 'invite':
        return passwordLink(message.mail, message.oneTimePasswordId, cause);
      case 'email-change-requested':
        return changeNotice(message.oneTimePasswordId, cause);
      case 'account-changed':
        return accountChanged(message, cause);
      case 'account-erased':
        return writeMail(
          message.mail,
          { to: message.to, locale: supportedLocaleOf(message.locale) },
          { email: message.to, cause },
        );
      default:
        return notice(message.mail, message.userId, cause);
    }
  };
}

function localeOf({ locale }: User) {
  return supportedLocaleOf(locale);
}

function nameOf({ firstName, lastName }: { firstName: string; lastName: string }): string {
  return `${firstName} ${lastName}`.trim();
}
