/** What it means that an account has a new password, whoever set it. */
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { Audit } from '../audit/audit.ts';
import type { OneTimePasswordKind } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/** What it makes worthless: whoever had these may be who the account is to be kept from. */
const endedKinds = [
  'reset-password',
  'invite',
  'change-email',
] as const satisfies OneTimePasswordKind[];

/** Sets the hash, ends every session but the one to spare, tells the owner. Needs a transaction. */
export type SetPassword = (user: User, hash: string, sparedSession?: string) => Promise<void>;

export function createSetPassword(parts: {
  readonly unitOfWork: Pick<UnitOfWork, 'em'>;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly audit: Audit;
}): SetPassword {
  return async (user, hash, sparedSession) => {
    await parts.users.setPasswordHash(user, hash);
    await parts.oneTimePasswords.endAll(user.id, endedKinds);
    user.pendingEmail = null;
    await parts.sessions.endAllOf(user.id, 'password-changed', sparedSession);
    await enqueueMail(parts.unitOfWork.em, { mail: 'password-changed', userId: user.id });
    await parts.audit.record({ action: 'password-set', target: { type: 'user', id: user.id } });
  };
}
