/** Checks that the address, the username and the external id of an account belong to no other account. */

import { Problem } from '../../core/errors.ts';
import type { EmailAddress, Username } from '../../core/parse.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { Addresses } from './addresses.ts';

/**
 * Reserves the address, the username and the external id until the transaction ends; what is left out is not checked.
 * Needs a transaction.
 *
 * @param owner the account that changes, which may have the same username in another case
 * @throws ALREADY_EXISTS
 */
export type AssertIdentifiersFree = (
  identifiers: {
    readonly email?: EmailAddress | undefined;
    readonly username?: Username | null | undefined;
    readonly externalId?: string | null | undefined;
  },
  owner?: Pick<User, 'id' | 'username' | 'externalId'>,
) => Promise<void>;

export function createAssertIdentifiersFree(deps: {
  readonly users: Pick<Users, 'lockByUsername' | 'lockByExternalId'>;
  readonly addresses: Pick<Addresses, 'reserve'>;
}): AssertIdentifiersFree {
  return async ({ email, username, externalId }, owner) => {
    const fields = [];
    if (email !== undefined && !(await deps.addresses.reserve(email, owner?.id))) {
      fields.push({ path: 'email', message: 'Is taken.' });
    }
    const isNewName = username != null && username.toLowerCase() !== owner?.username?.toLowerCase();
    if (isNewName && !(await deps.users.lockByUsername(username))) {
      fields.push({ path: 'username', message: 'Is taken.' });
    }
    const isNewId = externalId != null && externalId !== owner?.externalId;
    if (isNewId && !(await deps.users.lockByExternalId(externalId))) {
      fields.push({ path: 'externalId', message: 'Is taken.' });
    }
    if (fields.length > 0) throw new Problem('ALREADY_EXISTS', { fields });
  };
}
