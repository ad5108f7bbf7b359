/** Writes the mail of an intent from what the database says now; nothing when its reason is gone. */
import type { Clock } from '../../core/clock.ts';
import { supportedLocaleOf } from '../../core/locale.ts';
import type { OneTimeSecrets } from '../../core/one-time-secret.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { MailIntent } from '../../mail/intents.ts';
import type { Mail } from '../../mail/mailer.ts';
import { type MailName, type Told, writeMail } from '../../mail/templates/templates.ts';
import { OneTimePassword } from '../one-time-passwords/one-time-password.entity.ts';
import { User } from '../users/user.entity.ts';
import { uidOf } from './passwords.ts';

export interface AccountMailsParts {
  readonly unitOfWork: UnitOfWork;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly publicUrl: string;
}

/** Mails that say only what was done to an account. */
type Notice = Exclude<Extract<MailIntent, { userId: string }>['mail'], 'account-changed'>;

/** A one-time password as its mail tells of it. */
interface Proved {
  /** The address that the secret proves. */
  readonly email: string;
  readonly secret: string;
  readonly name: string;
  readonly publicUrl: string;
  readonly lifetimeSeconds: number;
}

export function createAccountMails({ unitOfWork, secrets, clock, publicUrl }: AccountMailsParts) {
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
    name: nameOf(password.registration ?? password.user),
    publicUrl,
    lifetimeSeconds: (password.expiresAt.getTime() - password.createdAt.getTime()) / 1000,
  });

  const codeMail = (name: 'verify-email' | 'change-email', id: string) =>
    proof(name, id, ({ secret, ...told }) => ({ ...told, code: secret }));

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
    intent: Extract<MailIntent, { mail: 'account-changed' }>,
  ): Promise<Mail | undefined> => {
    const user = await em.findOne(User, { id: intent.userId });
    if (!user) return undefined;
    const recipient = { to: intent.to ?? user.email, locale: localeOf(user) };
    return writeMail('account-changed', recipient, { name: nameOf(user), fields: intent.fields });
  };

  return async function compose(intent: MailIntent): Promise<Mail | undefined> {
    switch (intent.mail) {
      case 'verify-email':
      case 'change-email':
        return codeMail(intent.mail, intent.oneTimePasswordId);
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
