/** The forms that a stored hash may have, and the cost beyond which nothing is computed. */
import { describe, expect, test } from 'vitest';
import { isAffordable } from '../../../src/crypto/password/parameters.ts';
import { longestStoredHash, parseStoredHash } from '../../../src/crypto/password/stored-hash.ts';

const [salt, digest] = ['A'.repeat(22), 'B'.repeat(43)];
const argon2 = (parameters: string, variant = 'argon2id') =>
  `$${variant}$v=19$${parameters}$${salt}$${digest}`;

describe('a stored hash is read', () => {
  test('of argon2id', () => {
    expect(parseStoredHash(argon2('m=19456,t=2,p=1'))).toEqual({
      scheme: 'argon2',
      phc: argon2('m=19456,t=2,p=1'),
      variant: 'argon2id',
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
      iterations: 600_000,
      salt: 'salt',
      digest: Buffer.alloc(32, 7),
    });
  });
});

test.each([
  ['nothing', undefined],
  ['an empty one', ''],
  ["Django's unusable one", '!kZx1'],
  ['bcrypt', '$2b$12$abcdefghijklmnopqrstuu'],
  ['too much memory', argon2('m=2097152,t=1,p=4')],
  ['too many iterations', argon2('m=19456,t=11,p=1')],
  ['too much of both', argon2('m=262144,t=4,p=1')],
  ['too many lanes', argon2('m=19456,t=2,p=17')],
  ['less memory than its lanes need', argon2('m=8,t=2,p=2')],
  ['no iterations', argon2('m=19456,t=0,p=1')],
  ['another version', argon2('m=19456,t=2,p=1').replace('v=19', 'v=16')],
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
