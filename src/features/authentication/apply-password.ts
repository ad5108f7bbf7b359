/** The parsing and the storage of a new password, the same for every interface. */
import {
  type EmailAddress,
  parsePresentedPassword,
  rejectPassword,
  rejectValue,
} from '../../core/parse.ts';
import { findPasswordFault, isMadeOf } from '../../crypto/password/policy.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
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
 * Parser for a new password.
 *
 * @param about address, names and username of the user, unparsed
 */
export function parseNewPassword(
  raw: unknown,
  rules: PasswordRules,
  about: readonly unknown[],
): string {
  const password = parsePresentedPassword(raw);
  const fault = findPasswordFault(password, { minLength: rules.minLength, words: wordsOf(about) });
  return fault === undefined ? password : rejectPassword(fault);
}

/** What a new password of the user must not consist of. */
export function passwordWordsOf(
  user: Pick<User, 'email' | 'firstName' | 'lastName' | 'username'> | null,
): readonly unknown[] {
  return user ? [user.email, user.firstName, user.lastName, user.username] : [];
}

/**
 * Check of a new address: the password of an account must not consist of its address.
 *
 * @param password the current one, already verified
 */
export function checkNewAddress(newEmail: EmailAddress, password: string): void {
  if (isMadeOf(password, wordsOf([newEmail]))) {
    rejectValue('Is your password, or most of it; change the password first.');
  }
}

/** Parser for the confirmation of a password, which is optional. */
export function parseConfirmation(raw: unknown, password: unknown): void {
  if (raw !== undefined && raw !== null && raw !== password) {
    rejectPassword({ code: 'PASSWORD_MISMATCH' });
  }
}

/** Each text and its words. Long input is cut first, to bound the work. */
function wordsOf(about: readonly unknown[]): string[] {
  return about
    .filter((text) => typeof text === 'string')
    .map((text) => text.trim().slice(0, 320))
    .flatMap((text) => [text, ...text.split(/\s+/)])
    .filter((word) => word !== '');
}

/** A new password ends these: an attacker who read an earlier mail must not use it afterwards. */
const endedKinds = [
  'reset-password',
  'invite',
  'change-email',
] as const satisfies OneTimePasswordKind[];

/**
 * Sets the hash, ends all sessions except `exceptSession`, cancels an email change and notifies the
 * owner. Without `exceptSession` the account is recovered, so it revokes the API keys too: a stranger may have made
 * them. Needs a transaction.
 */
export type ApplyPassword = (user: User, hash: string, exceptSession?: string) => Promise<void>;

export function createApplyPassword(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'em'>;
  readonly users: Pick<Users, 'setPasswordHash'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'endAll'>;
  readonly sessions: Pick<Sessions, 'revokeAll'>;
  readonly apiKeys: Pick<ApiKeys, 'revokeAllOfUser'>;
  readonly audit: Pick<Audit, 'append'>;
}): ApplyPassword {
  return async (user, hash, exceptSession) => {
    await deps.users.setPasswordHash(user, hash);
    await deps.oneTimePasswords.endAll(user.id, endedKinds);
    user.pendingEmail = null;
    await deps.sessions.revokeAll(user.id, 'password-changed', exceptSession);
    if (exceptSession === undefined) await deps.apiKeys.revokeAllOfUser(user.id, 'password-set');
    await enqueueMail(deps.unitOfWork.em, { mail: 'password-changed', userId: user.id }, user.id);
    await deps.audit.append({ action: 'password-set', target: { type: 'user', id: user.id } });
  };
}
