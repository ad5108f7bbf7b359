/** The forms that a stored hash may have, and the cost beyond which nothing is computed. */
import { describe, expect, test } from 'vitest';
import { isAffordable } from '../../../src/crypto/password/parameters.ts';
import { costClassOf } from '../../../src/crypto/password/stored-hash/cost.ts';
import {
  longestStoredHash,
  parseStoredHash,
} from '../../../src/crypto/password/stored-hash/stored-hash.ts';
import { foreignHashes } from '../../support/foreign-hashes.ts';

const [salt, digest] = ['A'.repeat(22), `${'B'.repeat(42)}A`];
const argon2 = (parameters: string, variant = 'argon2id') =>
  `$${variant}$v=19$${parameters}$${salt}$${digest}`;

describe('a stored hash is read', () => {
  test('of argon2id', () => {
    expect(parseStoredHash(argon2('m=19456,t=2,p=1'))).toEqual({
      scheme: 'argon2',
      phc: argon2('m=19456,t=2,p=1'),
      variant: 'argon2id',
      version: 19,
      parameters: { memoryKib: 19_456, iterations: 2, parallelism: 1 },
      saltBytes: 16,
      digestBytes: 32,
      isLegacy: false,
    });
  });

  test("of argon2 with Django's prefix", () => {
    expect(parseStoredHash(`argon2${argon2('m=102400,t=2,p=8')}`)).toMatchObject({
      phc: argon2('m=102400,t=2,p=8'),
      isLegacy: true,
    });
  });

  test("of Django's PBKDF2", () => {
    const base64 = Buffer.alloc(32, 7).toString('base64');
    expect(parseStoredHash(`pbkdf2_sha256$600000$salt$${base64}`)).toEqual({
      scheme: 'pbkdf2',
      algorithm: 'sha256',
      iterations: 600_000,
      salt: Buffer.from('salt'),
      digest: Buffer.alloc(32, 7),
    });
  });
});

test.each([
  ['nothing', undefined],
  ['an empty one', ''],
  ["Django's unusable one", '!kZx1'],
  ['incomplete bcrypt', '$2b$12$abcdefghijklmnopqrstuu'],
  ['incomplete base64', `${argon2('m=19456,t=2,p=1').slice(0, -1)}B`],
  ['too much memory', argon2('m=2097152,t=1,p=4')],
  ['too many iterations', argon2('m=19456,t=11,p=1')],
  ['too much of both', argon2('m=262144,t=4,p=1')],
  ['too many lanes', argon2('m=19456,t=2,p=17')],
  ['less memory than its lanes need', argon2('m=8,t=2,p=2')],
  ['no iterations', argon2('m=19456,t=0,p=1')],
  ['another version', argon2('m=19456,t=2,p=1').replace('v=19', 'v=17')],
  ['a short salt', argon2('m=19456,t=2,p=1').replace(salt, 'AAAA')],
  ['a short digest', argon2('m=19456,t=2,p=1').replace(digest, 'BBBB')],
  ['trailing characters', `${argon2('m=19456,t=2,p=1')}\n`],
  ['too many iterations of PBKDF2', `pbkdf2_sha256$2000001$salt$${'A'.repeat(43)}=`],
  ['more than a hash can have', argon2('m=19456,t=2,p=1').padEnd(longestStoredHash + 1, 'B')],
])('for %s nothing is computed', (_what, hash) => {
  expect(parseStoredHash(hash)).toBeUndefined();
});

test.each([
  [{ memoryKib: 19_456, iterations: 2, parallelism: 1 }, true],
  [{ memoryKib: 262_144, iterations: 3, parallelism: 1 }, true],
  [{ memoryKib: 262_144, iterations: 3, parallelism: 1.5 }, false],
  [{ memoryKib: Number.NaN, iterations: 2, parallelism: 1 }, false],
  [{ memoryKib: 19_456, iterations: -1, parallelism: 1 }, false],
])('%j is affordable: %s', (parameters, isAllowed) => {
  expect(isAffordable(parameters)).toBe(isAllowed);
});

test('hashes of one cost have one class, which contains nothing of the hash', () => {
  const classes = Object.values(foreignHashes).map((hash) => {
    const stored = parseStoredHash(hash);
    return stored && costClassOf(stored);
  });
  expect(new Set(classes)).toEqual(
    new Set([
      ...['pbkdf2-sha256 260000', 'pbkdf2-sha1 260000', 'bcrypt 12', 'bcrypt 10'],
      ...['pbkdf2-sha1 29000', 'pbkdf2-sha256 29000', 'pbkdf2-sha512 29000'],
      ...['pbkdf2-sha1 20000', 'pbkdf2-sha256 27500', 'pbkdf2-sha512 210000', 'pbkdf2-sha256 1000'],
      ...['scrypt n=16384,r=8,p=1', 'scrypt n=16384,r=8,p=5'],
      ...['argon2id m=102400,t=2,p=8', 'argon2id m=65536,t=3,p=4', 'argon2id m=7168,t=5,p=1'],
      ...['argon2i m=512,t=2,p=2', 'argon2d m=512,t=2,p=2'],
    ]),
  );
});
