/** The forms that a stored hash may have, and the cost beyond which nothing is computed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readImportedHash } from '../../../src/crypto/password/imported-hash.ts';
import { isAffordable } from '../../../src/crypto/password/parameters.ts';
import { costClassOf, mostExpensive } from '../../../src/crypto/password/stored-hash/cost-class.ts';
import type { StoredHash } from '../../../src/crypto/password/stored-hash/schemes.ts';
import {
  longestStoredHash,
  parseStoredHash,
} from '../../../src/crypto/password/stored-hash/stored-hash.ts';
import { readWeak } from '../../../src/crypto/password/stored-hash/weak.ts';
import { firebaseExample, foreignHashes, weakHashes } from '../../support/foreign-hashes.ts';

const [salt, digest] = ['A'.repeat(22), `${'B'.repeat(42)}A`];
const bcryptDigest = `${'A'.repeat(21)}.${'A'.repeat(30)}.`;
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
  ['too many iterations of a PHC string', `$pbkdf2-sha512$i=2000001$${salt}$${digest}`],
  ['another length of PBKDF2', `$pbkdf2-sha256$i=1000,l=64$${salt}$${digest}`],
  ['a short digest of PBKDF2', `$pbkdf2-sha256$i=1000$${salt}$AAAA`],
  ['too much bcrypt', `$2b$15$${bcryptDigest}`],
  ['too little bcrypt', `$2b$03$${bcryptDigest}`],
  ['a faulty variant of bcrypt', `$2x$12$${bcryptDigest}`],
  ['too much memory of scrypt', `$scrypt$ln=19,r=8,p=1$${salt}$${digest}`],
  ['too much work of scrypt', `$scrypt$ln=18,r=8,p=2$${salt}$${digest}`],
  ['too much memory beside that for N times r', `$scrypt$ln=18,r=8,p=1$${salt}$${digest}`],
  ['too many lanes of scrypt', `$scrypt$ln=1,r=8,p=17$${salt}$${digest}`],
  ['too large blocks of scrypt', `$scrypt$ln=1,r=33,p=1$${salt}$${digest}`],
  ["too large blocks of Django's scrypt", `scrypt$2$salt$800000$1$${'A'.repeat(86)}==`],
  [
    "too large blocks of Firebase's scrypt",
    `$fbscrypt$v=1,n=1,r=800000,p=1,ss=,sk=${digest}$${salt}$${digest}`,
  ],
  ['scrypt that RFC 7914 forbids', `$scrypt$ln=16,r=1,p=1$${salt}$${digest}`],
  [
    "a cost of Django's scrypt that is no power of two",
    `scrypt$16385$salt$8$1$${'A'.repeat(86)}==`,
  ],
  [
    'a signer key of another length',
    `$fbscrypt$v=1,n=14,r=8,p=1,ss=,sk=${digest}A${salt}$${digest}`,
  ],
  ['an expensive wrapped digest', `argon2_wrapped_sha1$salt${argon2('m=262144,t=4,p=1')}`],
  [
    'a wrapped digest of another variant',
    `argon2_wrapped_sha1$s${argon2('m=64,t=1,p=1', 'argon2i')}`,
  ],
  ['a bare MD5 digest', 'a'.repeat(32)],
  ['a salted SHA-1 digest', `sha1$salt$${'a'.repeat(40)}`],
  ['a control character in a salt', `pbkdf2_sha256$1000$sa\0lt$${'A'.repeat(43)}=`],
  ['more than a hash can have', argon2('m=19456,t=2,p=1').padEnd(longestStoredHash + 1, 'B')],
])('for %s nothing is computed', (_what, hash) => {
  expect(parseStoredHash(hash)).toBeUndefined();
});

test.each([
  ["Django 6's PBKDF2", `pbkdf2_sha256$1200000$salt$${'A'.repeat(43)}=`],
  ["Keycloak 26's PBKDF2 with SHA-1", `$pbkdf2$i=1300000$${salt}$${'A'.repeat(86)}`],
  ["Django's argon2", `argon2${argon2('m=102400,t=2,p=8')}`],
  ["OWASP's scrypt", `$scrypt$ln=17,r=8,p=1$${salt}$${digest}`],
  ["Django's scrypt", `scrypt$16384$salt$8$5$${'A'.repeat(86)}==`],
  ["passlib's scrypt", `$scrypt$ln=16,r=8,p=1$${salt}$${digest}`],
  ['scrypt with 16 lanes', `$scrypt$ln=14,r=8,p=16$${salt}$${digest}`],
  ["better-auth's scrypt", `$scrypt$ln=14,r=16,p=1$${salt}$${digest}`],
  ['bcrypt of cost 14', `$2b$14$${bcryptDigest}`],
  [
    "Firebase's scrypt without a separator",
    `$fbscrypt$v=1,n=14,r=8,p=1,ss=,sk=${digest}$${salt}$${digest}`,
  ],
])('%s is within the bounds', (_what, hash) => {
  expect(parseStoredHash(hash)).toBeDefined();
});

describe('for any text', () => {
  /** Texts that begin like a hash: with other numbers, and with characters changed or cut off. */
  const hashLike = fc
    .record({
      hash: fc.constantFrom(
        ...Object.values(foreignHashes),
        firebaseExample.hash,
        ...Object.values(weakHashes),
      ),
      numbers: fc.infiniteStream(fc.oneof(fc.nat(40), fc.nat())),
      keep: fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      end: fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), fc.nat(300)),
    })
    .map(({ hash, numbers, keep, end }) =>
      hash
        .replace(/(?<=[=$])\d+(?=[,$])/g, (number) =>
          keep.next().value === 0 ? String(numbers.next().value) : number,
        )
        .slice(0, end),
    );
  const texts = fc.oneof(hashLike, fc.string({ unit: 'binary', maxLength: 700 }));

  test('nothing throws, and what is computed is bounded', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const imported = readImportedHash(text);
        const stored = parseStoredHash(text);
        expect(stored ? relativeCost(stored) : 0).toBeLessThanOrEqual(1);
        expect(imported.kind === 'usable').toBe(parseStoredHash(text.trim()) !== undefined);
        if (imported.kind === 'usable') expect(parseStoredHash(imported.hash)).toBeDefined();
        if (imported.kind === 'weak') expect(readWeak(imported.hash)).toBeDefined();
        if (imported.kind === 'unusable' && text.length > 12)
          expect(imported.reason + imported.remedy).not.toContain(text);
      }),
      { numRuns: 3000 },
    );
  });
});

/** The cost of a hash, relative to the bounds of docs/security.md. */
function relativeCost(stored: StoredHash): number {
  switch (stored.scheme) {
    case 'bcrypt':
      return 2 ** (stored.cost - 14);
    case 'pbkdf2':
      return stored.iterations / 2_000_000;
    case 'argon2':
    case 'wrapped': {
      const { memoryKib, iterations } = (stored.scheme === 'argon2' ? stored : stored.argon2)
        .parameters;
      return Math.max(memoryKib / 262_144, (memoryKib * iterations) / 786_432);
    }
    case 'scrypt':
    case 'firebase-scrypt': {
      const { cost, blockSize, parallelization } = stored.parameters;
      const bytes = 128 * blockSize * (cost + parallelization + 2);
      const work = cost * blockSize * parallelization;
      return Math.max(work / 2 ** 21, bytes / 2 ** 28, blockSize / 32, parallelization / 16);
    }
  }
}

test.each([
  [{ memoryKib: 19_456, iterations: 2, parallelism: 1 }, true],
  [{ memoryKib: 262_144, iterations: 3, parallelism: 1 }, true],
  [{ memoryKib: 262_144, iterations: 3, parallelism: 1.5 }, false],
  [{ memoryKib: Number.NaN, iterations: 2, parallelism: 1 }, false],
  [{ memoryKib: 19_456, iterations: -1, parallelism: 1 }, false],
])('%j is affordable: %s', (parameters, isAllowed) => {
  expect(isAffordable(parameters)).toBe(isAllowed);
});

describe('the class of the cost', () => {
  const classOf = (hash: string) => {
    const stored = parseStoredHash(hash);
    if (!stored) throw new Error('the hash is not valid');
    return costClassOf(stored);
  };
  const pbkdf2 = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${'A'.repeat(43)}=`;

  test('contains nothing of the hash', () => {
    const names = Object.values(foreignHashes).map((hash) => classOf(hash).name);
    expect(new Set(names)).toEqual(
      new Set([
        ...['pbkdf2-sha256 262144', 'pbkdf2-sha1 262144', 'bcrypt 12', 'bcrypt 10'],
        ...['pbkdf2-sha1 32768', 'pbkdf2-sha256 32768', 'pbkdf2-sha512 32768'],
        ...['pbkdf2-sha1 20480', 'pbkdf2-sha256 28672', 'pbkdf2-sha512 229376'],
        ...['pbkdf2-sha256 1024', 'scrypt N*r<=131072,N*r*p=131072'],
        ...['scrypt N*r<=131072,N*r*p=655360', 'argon2id m<=131072,p<=8,m*t=229376'],
        ...['argon2id m<=65536,p<=4,m*t=196608', 'argon2id m<=8192,p<=1,m*t=40960'],
        ...['argon2i m<=512,p<=2,m*t=1024', 'argon2d m<=512,p<=2,m*t=1024'],
      ]),
    );
  });

  test('rounds iterations up by at most a quarter, to four classes for each power of two', () => {
    const classes = Array.from({ length: 1000 }, (_, index) => 100_000 + index * 100).map(
      (iterations) => ({ iterations, ...classOf(pbkdf2(iterations)) }),
    );
    expect(new Set(classes.map(({ name }) => name)).size).toBeLessThanOrEqual(5);
    for (const { iterations, name, scale } of classes) {
      expect(iterations * scale).toBeCloseTo(Number(name.split(' ')[1]), 3);
      expect(scale).toBeGreaterThanOrEqual(1);
      expect(scale).toBeLessThanOrEqual(1.25);
    }
  });

  test('only those that can be the most expensive one are compared, in their order', () => {
    const current = { memoryKib: 19_456, iterations: 2, parallelism: 1 };
    const hashes = [1000, 500_000, 500_001, 10_000, 1_000_000].map(pbkdf2);
    const own = `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${digest}`;
    const found = mostExpensive([own, '!', ...hashes, `$2b$10$${bcryptDigest}`], current);
    expect(found.map(({ costClass }) => costClass.name)).toEqual([
      'pbkdf2-sha256 1048576',
      'pbkdf2-sha256 524288',
      'bcrypt 10',
    ]);
  });
});
