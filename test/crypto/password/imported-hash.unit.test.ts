/** The decision whether a password hash of another system can be taken over. */
import { describe, expect, test } from 'vitest';
import { readImportedHash } from '../../../src/crypto/password/imported-hash.ts';
import { longestStoredHash } from '../../../src/crypto/password/stored-hash/stored-hash.ts';
import { dumpedUsers } from '../../support/foreign-hashes.ts';

const people = dumpedUsers();

test('every password of a Django dump is usable, weak or absent', () => {
  const kinds = people.map(({ email, password }) => [email, readImportedHash(password).kind]);
  const expected: Record<string, string> = {
    'sha1@example.net': 'weak',
    'md5@example.net': 'weak',
    'no-password@example.net': 'none',
  };
  expect(kinds).toHaveLength(14);
  expect(kinds).toEqual(people.map(({ email }) => [email, expected[email] ?? 'usable']));
});

test('a hash is stored as it is written, without surrounding white space', () => {
  const hash = people[0]?.password ?? '';
  expect(readImportedHash(` ${hash}\n`)).toEqual({ kind: 'usable', hash });
});

describe('an argon2id hash', () => {
  const withCost = (cost: string) =>
    `$argon2id$v=19$${cost}$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc`;

  test.each([
    ['with the default cost is stored as it is', 'm=19456,t=2,p=1', ''],
    ['with another cost is marked as imported', 'm=65536,t=3,p=4', 'argon2'],
  ])('%s', (_what, cost, prefix) => {
    const hash = `${prefix}${withCost(cost)}`;
    expect(readImportedHash(withCost(cost))).toEqual({ kind: 'usable', hash });
    expect(readImportedHash(hash)).toEqual({ kind: 'usable', hash });
  });
});

describe('no password', () => {
  test.each(['', '  ', '!', '!SbccksrhYHhymHPQ2GrhTQijNWMWPbZbJlIQHiaw'])('%j', (hash) => {
    expect(readImportedHash(hash)).toEqual({ kind: 'none' });
  });
});

describe('weak', () => {
  const [md5, sha1] = ['0cc175b9c0f1b6a831c399e269772661', 'a'.repeat(40)];
  test.each([
    [`md5$salt$${md5}`, `md5$salt$${md5}`],
    [`sha1$salt$${sha1}`, `sha1$salt$${sha1}`],
    [`md5$$${md5}`, `md5$$${md5}`],
    [`sha1$$${sha1}`, `sha1$$${sha1}`],
    [md5, `md5$$${md5}`],
    [sha1.toUpperCase(), `sha1$$${sha1}`],
  ])('%s', (raw, hash) => {
    expect(readImportedHash(raw)).toEqual({ kind: 'weak', hash });
  });
});

describe('unusable', () => {
  const unknown = 'The format of the hash is not known.';
  const costly = 'One comparison with this hash would take too much time or memory.';
  const invalid = (name: string) => `The hash starts like ${name}, but it is not valid.`;
  const bcrypt = `${'A'.repeat(21)}.${'A'.repeat(30)}.`;
  const digest = `${'A'.repeat(43)}`;
  test.each([
    ['notahash', unknown],
    ['$9$abc', unknown],
    ['a'.repeat(longestStoredHash + 1), 'The text is longer than any hash.'],
    ['a'.repeat(1_000_000), 'The text is longer than any hash.'],
    ['$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', 'Hashes of Unix crypt with MD5 cannot be verified.'],
    ['crypt$$saltDIGEST', 'Hashes of Unix crypt cannot be verified.'],
    ['$6$salt$digest', 'Hashes of Unix crypt with SHA-2 cannot be verified.'],
    ['$P$B12345678', 'Hashes of phpass (WordPress, phpBB) cannot be verified.'],
    ['{SSHA}abcdef', 'Hashes of LDAP cannot be verified.'],
    [`$2b$15$${bcrypt}`, costly],
    [`pbkdf2_sha256$2000001$salt$${digest}=`, costly],
    [`$scrypt$ln=19,r=8,p=1$c2FsdA$${digest}A`.slice(0, -1), costly],
    [`$argon2id$v=19$m=8388608,t=2,p=1$c29tZXNhbHQ$${digest}`, costly],
    [`argon2_wrapped_md5$salt$argon2id$v=19$m=8388608,t=2,p=1$c29tZXNhbHQ$${digest}`, costly],
    [`$2b$12$${bcrypt.slice(1)}`, invalid('bcrypt')],
    [`$2x$12$${bcrypt}`, 'Hashes of Unix crypt cannot be verified.'],
    ['pbkdf2_sha256$1000$salt$short', invalid('PBKDF2')],
    ['md5$salt$short', invalid('MD5 or SHA-1')],
    ['$argon2id$v=19$m=64', invalid('argon2')],
  ])('%#: %.40s', (raw, reason) => {
    const remedy = expect.stringMatching(/password reset\.$/);
    expect(readImportedHash(raw)).toEqual({ kind: 'unusable', reason, remedy });
  });
});
