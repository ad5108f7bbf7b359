/**
 * Erases one account with all personal data. It checks no permissions: the owner and administrators use it
 * through operations of their own.
 */

import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail, removeQueuedMails } from '../../mail/outbox.ts';
import type { Audit } from '../audit/audit.ts';
import type { PendingRegistrations } from '../registrations/registrations.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/**
 * Deletes the account and everything that belongs to it, and mails a notice to its address. Audit entries
 * stay, and their personal data becomes unreadable. Needs a transaction that holds the lock of the user.
 *
 * @throws PROTECTED for the last active superuser
 */
export type EraseUser = (user: User) => Promise<void>;

export interface EraseUserDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Pick<Users, 'requireAnotherSuperuser' | 'remove'>;
  readonly pendingRegistrations: Pick<PendingRegistrations, 'removeUnlockedOf'>;
  readonly audit: Pick<Audit, 'subjectKeys'>;
}

export function createEraseUser({
  unitOfWork,
  users,
  pendingRegistrations,
  audit,
}: EraseUserDeps): EraseUser {
  const { em, query } = unitOfWork;

  const oneTimePasswordIdsOf = async (userId: string): Promise<string[]> => {
    const rows = await query<{ id: string }>(
      'select id from one_time_passwords where user_id = ?',
      [userId],
    );
    return rows.map(({ id }) => id);
  };

  return async (user) => {
    await users.requireAnotherSuperuser(user);
    const { id, email, locale } = user;
    const oneTimePasswordIds = await oneTimePasswordIdsOf(id);
    await removeQueuedMails(unitOfWork, { userId: id, email, oneTimePasswordIds });
    await pendingRegistrations.removeUnlockedOf(email);
    await enqueueMail(em, { mail: 'account-erased', to: email, locale }, id);
    await users.remove(user);
    // The last step: the entry of the removal is sealed with the key too.
    await audit.subjectKeys.forget(id);
  };
}
