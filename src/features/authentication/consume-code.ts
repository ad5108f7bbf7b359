/** The consumption and the check of mailed codes: the same parsing, rate limit and errors for all kinds. */
import { Problem } from '../../core/errors.ts';
import { parseFields, parsePastedSecret } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { OneTimePasswordKind } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';

/**
 * Runs `work` with the code in a transaction. It returns whether the code was valid: a throw would roll
 * back the consumption.
 *
 * @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED
 */
export type ConsumeCode = (raw: unknown, work: (code: string) => Promise<boolean>) => Promise<void>;

export function createConsumeCode(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'isKnown'>;
  readonly attemptLimits: Pick<AttemptLimits, 'limitCode'>;
}): ConsumeCode {
  const { unitOfWork, oneTimePasswords, attemptLimits } = deps;
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
  /** The address that the code verifies. */
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

/** The same without the rate limit, for callers that count the use of the code themselves. */
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
