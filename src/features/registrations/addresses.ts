/**
 * The ownership of addresses. Every operation that assigns an address to an account reserves it here. An
 * account of any status owns its address. A registration blocks no account. A pending email change is
 * cancelled when another account gets the address.
 */
import { LockMode } from '@mikro-orm/core';
import type { EmailAddress } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import { enqueueJob } from '../../jobs/worker.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { PendingRegistrations } from './registrations.ts';

export interface Addresses {
  /**
   * Reserves the address for an account that this transaction creates or changes, and deletes the pending
   * registrations of the address. Locks the address, so call it before a lock of a user.
   *
   * @param ownerId the account that changes its address; it may already have this address
   * @returns whether the address is available for that account
   */
  reserve(email: EmailAddress, ownerId?: string): Promise<boolean>;
  /**
   * Does the rest of a reservation for new accounts: deletes the pending registrations of their addresses, and cancels
   * pending email changes to them. The caller has locked the addresses.
   */
  releaseAll(emails: readonly EmailAddress[]): Promise<void>;
  readonly tasks: Tasks;
}

const releaseTask = 'release-pending-address';

export function createAddresses(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly users: Pick<Users, 'ownerOfEmail'>;
  readonly registrations: Pick<PendingRegistrations, 'removeAllOf'>;
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

  /** In a job: in the request, two transactions could lock each other's accounts and deadlock. */
  const releasePending = async (email: EmailAddress) => {
    const owner = await deps.users.ownerOfEmail(email);
    if (owner === undefined) return;
    const pending = await em.find(
      User,
      { pendingEmail: email, id: { $ne: owner } },
      { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
    );
    for (const user of pending) {
      user.pendingEmail = null;
      await deps.oneTimePasswords.endAll(user.id, ['change-email']);
    }
  };

  return {
    async reserve(email, ownerId) {
      const owner = await deps.users.ownerOfEmail(email);
      if (owner !== undefined && owner !== ownerId) return false;
      await deps.registrations.removeAllOf(email);
      if (await isPendingElsewhere(email, ownerId)) await enqueueJob(em, releaseTask, { email });
      return true;
    },
    async releaseAll(emails) {
      await query('delete from registrations where email = any(?::text[])', [emails]);
      const pending = await query<{ email: string }>(
        'select distinct pending_email as email from users where pending_email = any(?::text[])',
        [emails],
      );
      for (const { email } of pending) await enqueueJob(em, releaseTask, { email });
    },
    tasks: {
      // The address was parsed before it was queued.
      [releaseTask]: ({ email }) => transaction(() => releasePending(email as EmailAddress)),
    },
  };
}
