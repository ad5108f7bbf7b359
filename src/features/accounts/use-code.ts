/** Using up a mailed code, whatever it is for: the same parsing, rate limit and refusal. */
import { Problem } from '../../core/errors.ts';
import { parseFields, parsePastedSecret } from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { Attempts } from '../attempts/attempts.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';

/**
 * Runs `work` on the code in a transaction; it answers whether the code was good, as a throw would undo
 * what it used up.
 *
 * @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED
 */
export type UseCode = (raw: unknown, work: (code: string) => Promise<boolean>) => Promise<void>;

export function createUseCode(parts: {
  readonly unitOfWork: Pick<UnitOfWork, 'run'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'isKnown'>;
  readonly attempts: Pick<Attempts, 'proveCode'>;
}): UseCode {
  const { unitOfWork, oneTimePasswords, attempts } = parts;
  return async (raw, work) => {
    const { code } = parseFields({ code: () => parsePastedSecret(raw) });
    await attempts.proveCode(
      () => oneTimePasswords.isKnown(code),
      async () => {
        if (!(await unitOfWork.run(() => work(code)))) throw new Problem('INVALID_CODE');
      },
    );
  };
}
