/** A password that somebody chooses: the one policy for every door. */
import {
  type EmailAddress,
  parsePresentedPassword,
  refuse,
  refusePassword,
} from '../../core/parse.ts';
import { findPasswordFault, isMadeOf } from '../../crypto/password/policy.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { Audit } from '../audit/audit.ts';
import type { OneTimePasswordKind } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

export interface PasswordRules {
  /** Code points. */
  readonly minLength: number;
}

/**
 * Parser for a password that is to be set.
 *
 * @param about what is known of the person, raw: address, names, username
 */
export function parseNewPassword(
  raw: unknown,
  rules: PasswordRules,
  about: readonly unknown[],
): string {
  const password = parsePresentedPassword(raw);
  const fault = findPasswordFault(password, { minLength: rules.minLength, words: wordsOf(about) });
  return fault === undefined ? password : refusePassword(fault);
}

/**
 * Check of a new address beside the current password: the address of an account is never its password.
 *
 * @param password the current one, already verified
 */
export function checkNewAddress(newEmail: EmailAddress, password: string): void {
  if (isMadeOf(password, wordsOf([newEmail]))) {
    refuse('Is your password, or most of it; change the password first.');
  }
}

/** Parser for the repetition, where one was given. */
export function parseConfirmation(raw: unknown, password: unknown): void {
  if (raw !== undefined && raw !== null && raw !== password) {
    refusePassword({ code: 'PASSWORD_MISMATCH' });
  }
}

/** Each one whole, and names in their parts; raw input is cut before it costs anything. */
function wordsOf(about: readonly unknown[]): string[] {
  return about
    .filter((word) => typeof word === 'string')
    .flatMap((word) => [word.trim().slice(0, 320), ...word.trim().slice(0, 320).split(/\s+/)])
    .filter((word) => word !== '');
}

/** What it makes worthless: whoever had these may be who the account is to be kept from. */
const endedKinds = [
  'reset-password',
  'invite',
  'change-email',
] as const satisfies OneTimePasswordKind[];

/** Sets the hash, ends every session but the one to spare, tells the owner. Needs a transaction. */
export type ApplyPassword = (user: User, hash: string, exceptSession?: string) => Promise<void>;

export function createApplyPassword(parts: {
  readonly unitOfWork: Pick<UnitOfWork, 'em'>;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly audit: Audit;
}): ApplyPassword {
  return async (user, hash, exceptSession) => {
    await parts.users.setPasswordHash(user, hash);
    await parts.oneTimePasswords.endAll(user.id, endedKinds);
    user.pendingEmail = null;
    await parts.sessions.revokeAll(user.id, 'password-changed', exceptSession);
    await enqueueMail(parts.unitOfWork.em, { mail: 'password-changed', userId: user.id });
    await parts.audit.append({ action: 'password-set', target: { type: 'user', id: user.id } });
  };
}
