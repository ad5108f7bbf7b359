/**
 * Unverified accounts: reminders for accounts that an administrator or operator created, and the
 * creation of accounts from registrations.
 */

import { v7 as uuidv7 } from 'uuid';
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { IssuedCounts, OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { TakenRegistration } from '../registrations/registrations.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/** The cause of the mail. The first three are anonymous requests. */
export type ReminderCause = 'registration' | 'resend' | 'reset' | 'administrator';

export interface PendingAccounts {
  /**
   * Mails a new invitation, or a verification code if the account has a password. Anonymous requests cause
   * at most one mail a minute, and three an hour while one code is valid. They never end an invitation.
   * Needs a transaction that holds the user's lock.
   */
  remind(user: User, cause: ReminderCause): Promise<void>;
}

/** Codes are for pending accounts, and for active ones whose address an administrator set. */
export function isUnverified({ status, emailVerifiedAt }: User): boolean {
  return status === 'PENDING' || (status === 'ACTIVE' && emailVerifiedAt === null);
}

const mailsPerHour = 3;

export function createPendingAccounts(deps: {
  readonly users: Pick<Users, 'findPasswordHash'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'issue' | 'issuedCounts' | 'endAll'>;
}): PendingAccounts {
  const { users, oneTimePasswords } = deps;
  return {
    async remind(user, cause) {
      const isInvited = (await users.findPasswordHash(user.id)) === undefined;
      const kind = isInvited ? 'invite' : 'verify-email';
      if (cause !== 'administrator') {
        const counts = await oneTimePasswords.issuedCounts(user, kind);
        if (isLimited(counts, isInvited || cause !== 'registration')) return;
      }
      // A newer code replaces the older ones, but an anonymous request must not end an invitation.
      const isReplacing = cause === 'administrator' || (cause === 'resend' && !isInvited);
      if (isReplacing) await oneTimePasswords.endAll(user.id, [kind]);
      oneTimePasswords.issue({ user, kind });
    },
  };
}

/** @param isFirstExempt whether the first reminder may follow the mail of the creation within a minute */
function isLimited(
  { total, withinHour, withinMinute, live }: IssuedCounts,
  isFirstExempt: boolean,
): boolean {
  // With a short VERIFY_CODE_TTL the last code may expire within the hour.
  if (withinHour >= mailsPerHour && live > 0) return true;
  return withinMinute > 0 && !(isFirstExempt && total === 1);
}

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
   * owner can still verify the address with it.
   */
  const storeCode = (
    userId: string,
    { digest, email, ...code }: TakenRegistration,
    isUsed: boolean,
  ) =>
    query(
      `insert into one_time_passwords (id, user_id, kind, digest, email, created_at, expires_at, ended_at)
       values (?, ?, 'verify-email', ?, ?, ?, ?, ?)`,
      [uuidv7(), userId, digest, email, code.createdAt, code.expiresAt, isUsed ? clock() : null],
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
