/** Wraps the weak hashes of people in argon2id hashes, in the hash threads and outside of transactions. */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../../core/errors.ts';
import type { PasswordHasher } from '../../../crypto/password/hasher.ts';
import type { ImportedPerson } from '../validation/person.ts';

/**
 * The people with wrapped hashes.
 *
 * @param positions of the people that are written
 */
export type WrapWeakHashes = (
  people: readonly ImportedPerson[],
  positions: ReadonlySet<number>,
) => Promise<readonly ImportedPerson[]>;

const retryDelayMs = 100;

export function createWrapWeakHashes(hasher: Pick<PasswordHasher, 'wrapWeak'>): WrapWeakHashes {
  const wrap = async (hash: string): Promise<string> => {
    for (;;) {
      try {
        return await hasher.wrapWeak(hash);
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'OVERLOADED')) throw error;
        await sleep(retryDelayMs);
      }
    }
  };

  return async (people, positions) => {
    const wrapped = [...people];
    const left = wrapped.entries();
    const work = async () => {
      for (const [index, person] of left) {
        if (!person.password?.isWeak || !positions.has(person.position)) continue;
        const password = { hash: await wrap(person.password.hash), isWeak: false };
        wrapped[index] = { ...person, password };
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    return wrapped;
  };
}
