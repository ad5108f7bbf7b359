/** Checking whether a mailed code is valid, without using it: every check counts as a guess. */
import type { Attempts } from '../attempts/attempts.ts';
import type { OneTimePasswordKind } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';

export interface ValidCode {
  readonly kind: OneTimePasswordKind;
  readonly userId: string;
  /** The address that the code proves. */
  readonly email: string;
}

/**
 * The owner of a code of one of the kinds, if it would be accepted now. Changes nothing.
 *
 * @throws THROTTLED
 */
export type LookAtCode = (
  kinds: readonly OneTimePasswordKind[],
  code: string,
) => Promise<ValidCode | undefined>;

export function createLookAtCode(deps: {
  readonly oneTimePasswords: Pick<OneTimePasswords, 'ownerOf'>;
  readonly attempts: Pick<Attempts, 'spendCode'>;
}): LookAtCode {
  return async (kinds, code) => {
    await deps.attempts.spendCode();
    return findValidCode(deps.oneTimePasswords, kinds, code);
  };
}

/** The same for a code that is about to be used, which is counted by itself. */
export async function findValidCode(
  oneTimePasswords: Pick<OneTimePasswords, 'ownerOf'>,
  kinds: readonly OneTimePasswordKind[],
  code: string,
): Promise<ValidCode | undefined> {
  for (const kind of kinds) {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    if (owner?.isLive) return { kind, userId: owner.userId, email: owner.email };
  }
  return undefined;
}
