/** Creates accounts from pending registrations. */

import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { TakenRegistration } from '../registrations/registrations.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

export interface RegisteredAccounts {
  /**
   * Creates the ACTIVE account of a registration and removes the other registrations of its address.
   * The account has no username when another account took it meanwhile. Needs a transaction that holds
   * the lock of the address.
   *
   * @param options.isVerified whether the owner has verified the address by the code
   * @returns nothing when an account owns the address
   */
  create(
    registration: TakenRegistration,
    options: { readonly isVerified: boolean },
  ): Promise<User | undefined>;
}

export interface RegisteredAccountsDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'em' | 'query'>;
  readonly users: Pick<Users, 'lockByUsername' | 'create'>;
  readonly addresses: Addresses;
  readonly clock: Clock;
}

export function createRegisteredAccounts(deps: RegisteredAccountsDeps): RegisteredAccounts {
  const { users, addresses, clock } = deps;
  const { em, query } = deps.unitOfWork;

  /**
   * Stores a used code, so that a repeated use is not counted as a guess. An unused code stays valid: the
   * owner can still verify the address with it, also with its short form, so the row keeps the id of the code.
   */
  const storeCode = (
    userId: string,
    { codeId, digest, email, failedShortCodes, ...code }: TakenRegistration,
    isUsed: boolean,
  ) =>
    query(
      `insert into one_time_passwords
         (id, user_id, kind, digest, email, failed_short_codes, created_at, expires_at, ended_at)
       values (?, ?, 'verify-email', ?, ?, ?, ?, ?, ?)`,
      [
        ...[codeId, userId, digest, email, failedShortCodes],
        ...[code.createdAt, code.expiresAt, isUsed ? clock() : null],
      ],
    );

  return {
    async create(registration, { isVerified }) {
      const { email, username, firstName, lastName, passwordHash, locale } = registration;
      if (!(await addresses.reserve(email))) return undefined;
      const isNameFree = username !== null && (await users.lockByUsername(username));
      const user = users.create({
        email,
        username: isNameFree ? username : undefined,
        firstName,
        lastName,
        status: 'ACTIVE',
        locale: locale ?? undefined,
        passwordHash,
      });
      user.emailVerifiedAt = isVerified ? clock() : null;
      await em.flush();
      await storeCode(user.id, registration, isVerified);
      return user;
    },
  };
}
