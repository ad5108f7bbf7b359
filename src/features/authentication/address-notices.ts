/**
 * The mail to the owner of an address that someone else tried to use, in a registration or as the new
 * address of an account. It is written in jobs only, so that requests cost the same for every address.
 */
import type { EmailAddress } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Users } from '../users/users.ts';
import type { PendingAccounts } from './pending-accounts.ts';

export interface AddressNotices {
  /**
   * Mails the account that owns the address, within its limits.
   *
   * @param exceptUserId an account that is not mailed about its own address
   * @returns whether an account owns the address
   */
  notifyOwner(email: EmailAddress, exceptUserId?: string): Promise<boolean>;
}

export function createAddressNotices(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'em' | 'transaction'>;
  readonly users: Pick<Users, 'lockByEmail'>;
  readonly pendingAccounts: PendingAccounts;
  readonly attemptLimits: Pick<AttemptLimits, 'limitMail'>;
}): AddressNotices {
  const { users, pendingAccounts, attemptLimits } = deps;
  const { em, transaction } = deps.unitOfWork;

  const findOwner = (email: EmailAddress, exceptUserId: string | undefined) =>
    transaction(async () => {
      const owner = await users.lockByEmail(email);
      if (owner?.status === 'PENDING' && owner.id !== exceptUserId) {
        await pendingAccounts.remind(owner, 'registration');
      }
      return owner;
    });

  return {
    async notifyOwner(email, exceptUserId) {
      const owner = await findOwner(email, exceptUserId);
      if (!owner || owner.id === exceptUserId) return false;
      if (owner.status === 'PENDING') return true;
      const mail = owner.status === 'ACTIVE' ? 'already-registered' : 'account-closed';
      await attemptLimits.limitMail(email, 'notice', () =>
        transaction(() => enqueueMail(em, { mail, userId: owner.id })),
      );
      return true;
    },
  };
}
