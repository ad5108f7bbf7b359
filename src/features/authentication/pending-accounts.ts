/** Reminder mails for accounts that an administrator or operator created and whose owner has not confirmed them. */

import type { IssuedCounts, OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
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
