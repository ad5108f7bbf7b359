/**
 * Which account owns an address. Every operation that gives an address to an account asks here: an
 * account of any status owns its address, and a registration blocks no account.
 */
import type { EmailAddress } from '../../core/parse.ts';
import type { Users } from '../users/users.ts';
import type { WaitingRegistrations } from './waiting-registrations.ts';

export interface Addresses {
  /**
   * Reserves the address for an account that is created or moved in this transaction, and removes the
   * registrations that wait for it. Locks the address, so call it before a user is locked.
   *
   * @param ownerId the account that moves; it may have the address already
   * @returns whether the address is free for that account
   */
  claim(email: EmailAddress, ownerId?: string): Promise<boolean>;
}

export function createAddresses(deps: {
  readonly users: Pick<Users, 'ownerOfEmail'>;
  readonly registrations: Pick<WaitingRegistrations, 'removeAllOf'>;
}): Addresses {
  return {
    async claim(email, ownerId) {
      const owner = await deps.users.ownerOfEmail(email);
      if (owner !== undefined && owner !== ownerId) return false;
      await deps.registrations.removeAllOf(email);
      return true;
    },
  };
}
