/** The processor time of comparisons: no parameter of a stored hash makes one cost more than the documented bound. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStoredHash } from '../../../src/crypto/password/stored-hash/stored-hash.ts';
import { verifyHash } from '../../../src/crypto/password/stored-hash/verify-hash.ts';
import { processorMs } from '../../support/durations.ts';

const bcrypt = (cost: number) =>
  `$2b$${String(cost).padStart(2, '0')}$${'A'.repeat(21)}.${'A'.repeat(30)}.`;

/** The processor time of one comparison, in milliseconds. */
function comparisonMs(hash: string): Promise<number> {
  const stored = parseStoredHash(hash);
  return processorMs(() => stored && verifyHash(stored, 'wrong'));
}

/** Every number of digits is as probable as the others. */
const numbers = (most: number) =>
  fc
    .integer({ min: 0, max: 10_000 }) // doubles of fast-check are mostly near the limits
    .map((share) => Math.round(most ** (share / 10_000)));
const bytes = fc
  .integer({ min: 8, max: 128 })
  .map((length) => Buffer.alloc(length, 7).toString('base64').replace(/=+$/, ''));

interface Candidate {
  readonly hash: string;
  /** Compared one by one: the largest value of each that is accepted is a corner. */
  readonly parameters: readonly number[];
}
const scryptParameters = fc.tuple(
  fc.integer({ min: 1, max: 31 }),
  numbers(999_999),
  numbers(999_999),
);

const families: Readonly<Record<string, fc.Arbitrary<Candidate>>> = {
  scrypt: fc.tuple(scryptParameters, bytes, bytes).map(([[ln, r, p], salt, digest]) => ({
    hash: `$scrypt$ln=${ln},r=${r},p=${p}$${salt}$${digest}`,
    parameters: [ln, r, p, 2 ** ln * r * p, digest.length],
  })),
  "Django's scrypt": scryptParameters.map(([ln, r, p]) => ({
    hash: `scrypt$${2 ** ln}$salt$${r}$${p}$${'A'.repeat(86)}==`,
    parameters: [r],
  })),
  "Firebase's scrypt": fc.tuple(scryptParameters, bytes, bytes).map(([[ln, r, p], salt, key]) => ({
    hash: `$fbscrypt$v=1,n=${ln},r=${r},p=${p},ss=${salt},sk=${key}$${salt}$${key}`,
    parameters: [r, salt.length, key.length],
  })),
  argon2: fc
    .tuple(
      fc.constantFrom('argon2id', 'argon2i', 'argon2d'),
      fc.tuple(numbers(2 ** 20), numbers(99), numbers(999)),
      bytes,
      bytes,
    )
    .map(([variant, [m, t, p], salt, digest]) => ({
      hash: `$${variant}$v=19$m=${m},t=${t},p=${p}$${salt}$${digest}`,
      parameters: [m, t, p, m * t, salt.length, digest.length],
    })),
  PBKDF2: fc
    .tuple(fc.constantFrom('sha1', 'sha256', 'sha512'), numbers(9_999_999), bytes, bytes)
    .map(([algorithm, iterations, salt, digest]) => ({
      hash: `$pbkdf2-${algorithm}$i=${iterations}$${salt}$${digest}`,
      parameters: [iterations, digest.length],
    })),
  bcrypt: fc
    .integer({ min: 4, max: 31 })
    .map((cost) => ({ hash: bcrypt(cost), parameters: [cost] })),
};

/** For each parameter the accepted candidate in which it is largest. */
function cornersOf(family: fc.Arbitrary<Candidate>): Set<string> {
  const accepted = fc
    .sample(family, { numRuns: 5000, seed: 20261129 })
    .filter(({ hash }) => parseStoredHash(hash));
  const parameters = accepted[0]?.parameters ?? [];
  const largest = (index: number) =>
    accepted.toSorted((a, b) => (b.parameters[index] ?? 0) - (a.parameters[index] ?? 0))[0]?.hash;
  return new Set(parameters.map((_, index) => largest(index) ?? ''));
}

/**
 * Relative to bcrypt of cost 12 on the same processor at the same time: four times bcrypt of cost 10. The bounds allow
 * 4 to 5 of it.
 */
async function relativeCost(hash: string): Promise<number> {
  const before = await comparisonMs(bcrypt(10));
  const ms = await comparisonMs(hash);
  const after = await comparisonMs(bcrypt(10));
  return ms / (2 * (before + after));
}

describe.each(Object.entries(families))('%s', (_, family) => {
  test('costs no more than the bound, with any parameter as large as possible', async () => {
    const corners = cornersOf(family);
    expect(corners.size).toBeGreaterThan(0);
    for (const hash of corners) {
      // Once more, because other load of the processor changes the time.
      const isBounded = (await relativeCost(hash)) < 7 || (await relativeCost(hash)) < 7;
      expect({ hash, isBounded }).toEqual({ hash, isBounded: true });
    }
  });
});
