/** Writes the mail of an intent from what the database says now; nothing when its reason is gone. */

import type { EmailAddress } from '../../core/parse.ts';
import type { Clock } from '../../core/time.ts';
import type { OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { supportedLocaleOf } from '../../i18n/locale.ts';
import type { MailMessage } from '../../mail/outbox.ts';
import type { Mail } from '../../mail/templates/layout.ts';
import { type MailName, type Told, writeMail } from '../../mail/templates/templates.ts';
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
  readonly writeRegistrationMail: WriteRegistrationMail;
  readonly addressNotices: AddressNotices;
  readonly attemptLimits: Pick<AttemptLimits, 'limitMail'>;
}

/** Mails that say only what was done to an account. */
type Notice = Exclude<Extract<MailMessage, { userId: string }>['mail'], 'account-changed'>;

type VerificationIntent = Extract<MailMessage, { mail: 'verify-email' }>;

/** A one-time password as its mail tells of it. */
interface Proved {
  /** The address that the secret proves. */
  readonly email: string;
  readonly secret: string;
  readonly name: string;
  readonly publicUrl: string;
  readonly lifetimeSeconds: number;
}

export function createAccountMails(parts: AccountMailsDeps) {
  const { unitOfWork, secrets, clock, publicUrl } = parts;
  const { em } = unitOfWork;

  /** Goes to the address that the secret proves; nothing once it is used, replaced or expired. */
  const proof = async <Name extends MailName>(
    name: Name,
    id: string,
    tell: (proved: Proved, user: User) => Told<Name> | undefined,
  ): Promise<Mail | undefined> => {
    const password = await em.findOne(OneTimePassword, { id }, { populate: ['user'] });
    if (!password || password.endedAt || password.expiresAt <= clock()) return undefined;
    const user: User = password.user;
    const told = tell(proved(password), user);
    return told && writeMail(name, { to: password.email, locale: localeOf(user) }, told);
  };

  const proved = (password: OneTimePassword): Proved => ({
    email: password.email,
    secret: secrets.derive(password.id),
    name: nameOf(password.user),
    publicUrl,
    lifetimeSeconds: (password.expiresAt.getTime() - password.createdAt.getTime()) / 1000,
  });

  const codeMail = (name: 'verify-email' | 'change-email', id: string) =>
    proof(name, id, ({ secret, ...told }) => ({ ...told, code: secret }));

  /** Mails that were queued before registrations had rows of their own name the id of the code. */
  const verification = async (intent: VerificationIntent): Promise<Mail | undefined> => {
    if ('codeIds' in intent) return parts.writeRegistrationMail(intent.codeIds);
    const { oneTimePasswordId: id } = intent;
    return (await codeMail('verify-email', id)) ?? parts.writeRegistrationMail([id]);
  };

  /** The account that owns the address already gets a notice instead of the code. */
  const newAddressCode = async (id: string, attempt: number): Promise<Mail | undefined> => {
    const password = await em.findOne(OneTimePassword, { id, endedAt: null });
    if (!password) return undefined;
    const email = password.email as EmailAddress; // parsed before it was recorded
    const isOwned = await parts.addressNotices.notifyOwner(email, password.user.id);
    if (isOwned) return undefined;
    let mail: Mail | undefined;
    const compose = async () => {
      mail = await codeMail('change-email', id);
      return mail !== undefined;
    };
    if (attempt > 1)
      await compose(); // counted by the first attempt
    else await parts.attemptLimits.limitMail(email, 'new-address', compose);
    return mail;
  };

  const passwordLink = (name: 'reset-password' | 'invite', id: string) =>
    proof(name, id, ({ secret, ...told }, user) => ({
      ...told,
      uid: uidOf(user.id),
      token: secret,
    }));

  const changeNotice = (id: string) =>
    proof('email-change-requested', id, ({ secret, ...told }, { pendingEmail }) =>
      pendingEmail === null ? undefined : { ...told, code: secret, requestedEmail: pendingEmail },
    );

  const notice = async (name: Notice, userId: string): Promise<Mail | undefined> => {
    const user = await em.findOne(User, { id: userId });
    if (!user) return undefined;
    const told = { name: nameOf(user), email: user.email };
    return writeMail(name, { to: user.email, locale: localeOf(user) }, told);
  };

  const accountChanged = async (
    intent: Extract<MailMessage, { mail: 'account-changed' }>,
  ): Promise<Mail | undefined> => {
    const user = await em.findOne(User, { id: intent.userId });
    if (!user) return undefined;
    const recipient = { to: intent.to ?? user.email, locale: localeOf(user) };
    return writeMail('account-changed', recipient, { name: nameOf(user), fields: intent.fields });
  };

  return async function compose(intent: MailMessage, attempt: number): Promise<Mail | undefined> {
    switch (intent.mail) {
      case 'verify-email':
        return verification(intent);
      case 'change-email':
        return newAddressCode(intent.oneTimePasswordId, attempt);
      case 'reset-password':
      case 'invite':
        return passwordLink(intent.mail, intent.oneTimePasswordId);
      case 'email-change-requested':
        return changeNotice(intent.oneTimePasswordId);
      case 'account-changed':
        return accountChanged(intent);
      case 'account-erased':
        return writeMail(
          intent.mail,
          { to: intent.to, locale: supportedLocaleOf(intent.locale) },
          { email: intent.to },
        );
      default:
        return notice(intent.mail, intent.userId);
    }
  };
}

function localeOf({ locale }: User) {
  return supportedLocaleOf(locale);
}

function nameOf({ firstName, lastName }: { firstName: string; lastName: string }): string {
  return `${firstName} ${lastName}`.trim();
}
