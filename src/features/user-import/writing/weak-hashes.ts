/**
 * Wraps the weak hashes of people in argon2id hashes, in the hash threads and outside of transactions. An account that
 * has the same weak hash already keeps its wrapped one, whose salt is another.
 */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../../core/errors.ts';
import type { PasswordHasher } from '../../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
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
  return (people, positions) =>
    replaceWeak(people, (hash, { position }) =>
      positions.has(position) ? repeat(() => hasher.wrapWeak(hash)) : undefined,
    );
}

/** The people with the wrapped hashes that accounts with their addresses have of the same weak hashes. */
export type ReuseWrappedHashes = (
  people: readonly ImportedPerson[],
) => Promise<readonly ImportedPerson[]>;

const wrappedSql = `
  select u.email, h.password_hash as hash from users u join password_hashes h on h.user_id = u.id
  where u.email = any(?::text[]) and starts_with(h.password_hash, 'argon2_wrapped_')`;

export function createReuseWrappedHashes(
  { query }: Pick<UnitOfWork, 'query'>,
  hasher: Pick<PasswordHasher, 'isWrapOf'>,
): ReuseWrappedHashes {
  return async (people) => {
    const emails = people.flatMap(({ email, password }) => (password?.isWeak ? [email] : []));
    if (emails.length === 0) return people;
    const rows = await query<{ email: string; hash: string }>(wrappedSql, [emails]);
    const stored = new Map(rows.map(({ email, hash }) => [email, hash]));
    return replaceWeak(people, async (hash, { email }) => {
      const known = stored.get(email);
      const isSame = known !== undefined && (await repeat(() => hasher.isWrapOf(known, hash)));
      return isSame ? known : undefined;
    });
  };
}

/** The people with other hashes in the place of weak ones, as far as `replace` returns one. */
async function replaceWeak(
  people: readonly ImportedPerson[],
  replace: (hash: string, person: ImportedPerson) => Promise<string | undefined> | undefined,
): Promise<readonly ImportedPerson[]> {
  const replaced = [...people];
  const left = replaced.entries();
  const work = async () => {
    for (const [index, person] of left) {
      if (!person.password?.isWeak) continue;
      const hash = await replace(person.password.hash, person);
      if (hash !== undefined) replaced[index] = { ...person, password: { hash, isWeak: false } };
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return replaced;
}

/** Repeats a computation until the queue has a place for it. */
async function repeat<Result>(compute: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await compute();
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'OVERLOADED')) throw error;
      await sleep(retryDelayMs);
    }
  }
}
