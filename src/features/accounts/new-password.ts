/** A password that somebody chooses: the one policy for every door. */

import { type EmailAddress, parsePresentedPassword, refuse } from '../../core/parse.ts';
import { isMadeOf, passwordFaults } from '../../core/password-policy.ts';

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
  const fault = passwordFaults(password, { minLength: rules.minLength, words: wordsOf(about) });
  return fault === undefined ? password : refuse(fault);
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
    refuse('Must be equal to the password.');
  }
}

/** Each one whole, and names in their parts; raw input is cut before it costs anything. */
function wordsOf(about: readonly unknown[]): string[] {
  return about
    .filter((word) => typeof word === 'string')
    .flatMap((word) => [word.trim().slice(0, 320), ...word.trim().slice(0, 320).split(/\s+/)])
    .filter((word) => word !== '');
}
