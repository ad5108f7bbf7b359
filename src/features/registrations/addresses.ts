/**
 * Which account owns an address. Every operation that gives an address to an account asks here: an
 * account of any status owns its address, and a registration blocks no account. Accounts that wanted
 * to move to an address want it no longer once another account has it.
 */
import { LockMode } from '@mikro-orm/core';
import type { EmailAddress } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import { enqueueJob } from '../../jobs/worker.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { WaitingRegistrations } from './registrations.ts';

export interface Addresses {
  /**
   * Reserves the address for an account that is created or moved in this transaction, and removes the
   * registrations that wait for it. Locks the address, so call it before a user is locked.
   *
   * @param ownerId the account that moves; it may have the address already
   * @returns whether the address is free for that account
   */
  claim(email: EmailAddress, ownerId?: string): Promise<boolean>;
  readonly tasks: Tasks;
}

const releaseTask = 'release-pending-address';

export function createAddresses(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly users: Pick<Users, 'ownerOfEmail'>;
  readonly registrations: Pick<WaitingRegistrations, 'removeAllOf'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'endAll'>;
}): Addresses {
  const { em, query, transaction } = deps.unitOfWork;

  const isPendingElsewhere = async (email: EmailAddress, ownerId: string | undefined) => {
    const rows = await query(
      'select 1 from users where pending_email = ? and id is distinct from ?::uuid limit 1',
      [email, ownerId ?? null],
    );
    return rows.length > 0;
  };

  /** In a job: two transactions that lock the accounts of each other would wait in a circle. */
  const releasePending = async (email: EmailAddress) => {
    const owner = await deps.users.ownerOfEmail(email);
    if (owner === undefined) return;
    const waiting = await em.find(
      User,
      { pendingEmail: email, id: { $ne: owner } },
      { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
    );
    for (const user of waiting) {
      user.pendingEmail = null;
      await deps.oneTimePasswords.endAll(user.id, ['change-email']);
    }
  };

  return {
    async claim(email, ownerId) {
      const owner = await deps.users.ownerOfEmail(email);
      if (owner !== undefined && owner !== ownerId) return false;
      await deps.registrations.removeAllOf(email);
      if (await isPendingElsewhere(email, ownerId)) await enqueueJob(em, releaseTask, { email });
      return true;
    },
    tasks: {
      // The address was parsed before it was queued.
      [releaseTask]: ({ email }) => transaction(() => releasePending(email as EmailAddress)),
    },
  };
}
