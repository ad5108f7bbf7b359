/** Using up a mailed code, whatever it is for: the same parsing, rate limit and refusal. */
import { Problem } from '../../core/errors.ts';
import { parseFields, parsePastedSecret } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { OneTimePasswordKind } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';

/**
 * Runs `work` on the code in a transaction; it answers whether the code was good, as a throw would undo
 * what it used up.
 *
 * @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED
 */
export type ConsumeCode = (raw: unknown, work: (code: string) => Promise<boolean>) => Promise<void>;

export function createConsumeCode(parts: {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'isKnown'>;
  readonly attemptLimits: Pick<AttemptLimits, 'limitCode'>;
}): ConsumeCode {
  const { unitOfWork, oneTimePasswords, attemptLimits } = parts;
  return async (raw, work) => {
    const { code } = parseFields({ code: () => parsePastedSecret(raw) });
    await attemptLimits.limitCode(
      () => oneTimePasswords.isKnown(code),
      async () => {
        if (!(await unitOfWork.transaction(() => work(code)))) throw new Problem('INVALID_CODE');
      },
    );
  };
}

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
export type CheckCode = (
  kinds: readonly OneTimePasswordKind[],
  code: string,
) => Promise<ValidCode | undefined>;

export function createCheckCode(deps: {
  readonly oneTimePasswords: Pick<OneTimePasswords, 'ownerOf'>;
  readonly attemptLimits: Pick<AttemptLimits, 'consumeCode'>;
}): CheckCode {
  return async (kinds, code) => {
    await deps.attemptLimits.consumeCode();
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
