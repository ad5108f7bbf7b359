/** Writes the mail of an intent from what the database says now; nothing when its reason is gone. */
import type { Clock } from '../../core/clock.ts';
import type { OneTimeSecrets } from '../../core/one-time-secret.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { MailIntent } from '../../mail/intents.ts';
import type { Mail } from '../../mail/mailer.ts';
import {
  accountChangedMail,
  accountDisabledMail,
  administratorRightsMail,
  refreshTokenReusedMail,
} from '../../mail/templates/account-notices.ts';
import { alreadyRegisteredMail } from '../../mail/templates/already-registered.ts';
import { type MailContent, renderMail } from '../../mail/templates/layout.ts';
import { verifyEmailMail } from '../../mail/templates/verify-email.ts';
import { OneTimePassword } from '../one-time-passwords/one-time-password.entity.ts';
import { User } from '../users/user.entity.ts';

export interface AccountMailsParts {
  readonly unitOfWork: UnitOfWork;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly publicUrl: string;
  readonly verifyCodeTtlSeconds: number;
}

export function createAccountMails(parts: AccountMailsParts) {
  const { em } = parts.unitOfWork;

  const verification = async (id: string): Promise<Mail | undefined> => {
    const password = await em.findOne(OneTimePassword, { id }, { populate: ['user'] });
    if (!password || password.endedAt || password.expiresAt <= parts.clock()) return undefined;
    const { firstName, lastName } = password.registration ?? password.user;
    const content = verifyEmailMail({
      name: `${firstName} ${lastName}`.trim(),
      email: password.email,
      code: parts.secrets.derive(id),
      publicUrl: parts.publicUrl,
      lifetimeHours: Math.max(1, Math.round(parts.verifyCodeTtlSeconds / 3600)),
    });
    return renderMail(password.email, content);
  };

  const notice = async (userId: string, write: (user: User) => MailContent) => {
    const user = await em.findOne(User, { id: userId });
    return user ? renderMail(user.email, write(user)) : undefined;
  };

  return async function compose(intent: MailIntent): Promise<Mail | undefined> {
    switch (intent.mail) {
      case 'verify-email':
        return verification(intent.oneTimePasswordId);
      case 'already-registered':
        return notice(intent.userId, alreadyRegisteredMail);
      case 'account-changed':
        return notice(intent.userId, () => accountChangedMail(intent));
      case 'administrator-rights':
        return notice(intent.userId, administratorRightsMail);
      case 'refresh-token-reused':
        return notice(intent.userId, refreshTokenReusedMail);
      case 'account-disabled':
        return notice(intent.userId, accountDisabledMail);
    }
  };
}
