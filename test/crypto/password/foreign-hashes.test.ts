/** Hashes of other systems: the right password verifies, another one does not, and weak digests only when wrapped. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPasswordHasher, type PasswordHasher } from '../../../src/crypto/password/hasher.ts';
import { readImportedHash } from '../../../src/crypto/password/imported-hash.ts';
import {
  firebaseExample,
  foreignHashes,
  foreignPassword,
  weakHashes,
} from '../../support/foreign-hashes.ts';

/** One for each test, because a rejection takes as long as the most expensive one before it. */
let hasher: PasswordHasher;
beforeEach(() => {
  hasher = createPasswordHasher({
    threads: 1,
    queueLimit: 100,
    parameters: { memoryKib: 64, iterations: 1, parallelism: 1 },
    isOverloaded: () => false,
    waitMilliseconds: 60_000, // for a busy machine
  });
});
afterEach(() => hasher.close());

test.each([
  ...Object.entries(foreignHashes).map(([name, hash]) => [name, hash, foreignPassword] as const),
  ['scrypt of Firebase', firebaseExample.hash, firebaseExample.password] as const,
  [
    'pbkdf2_sha256 of a password and salt in UTF-8',
    'pbkdf2_sha256$260000$sält$egudY/MfAm0KzIGV9ayPckowgFNgVebiDkC19uCCEtU=',
    'pässwörd 🦊',
  ] as const,
])('%s: only the right password verifies, and the hash needs a rehash', async (_, hash, right) => {
  const imported = readImportedHash(hash);
  expect(imported.kind).toBe('usable');
  const asImported = imported.kind === 'usable' ? imported.hash : '';
  for (const stored of new Set([hash, asImported])) {
    expect(await hasher.verify(stored, right)).toBe(true);
    expect(hasher.needsRehash(stored)).toBe(true);
  }
  // Of the imported one, because the database holds it.
  for (const other of [`${right}!`, right.toUpperCase(), ''])
    expect(await hasher.verify(asImported, other)).toBe(false);
});

describe('bcrypt', () => {
  // Of 'é' forty times, 80 bytes.
  const hash = '$2b$10$bOWJz.wx3KvqCYuNfxV9musvWtcrM4mqz8H27OVp6aFeVYqhoSHbq';

  test('a password of more than 72 bytes verifies by its first 72, as in the other system', async () => {
    expect(await hasher.verify(hash, 'é'.repeat(40))).toBe(true);
    expect(await hasher.verify(hash, 'é'.repeat(36))).toBe(true);
    expect(await hasher.verify(hash, 'é'.repeat(35))).toBe(false);
  });

  test('the characters after a NUL make a difference', async () => {
    expect(await hasher.verify(hash, `${'é'.repeat(36)}\0`)).toBe(true); // beyond 72 bytes
    expect(
      await hasher.verify(foreignHashes['bcrypt of passlib, $2b$'], `${foreignPassword}\0x`),
    ).toBe(false);
  });
});

describe('a weak digest', () => {
  test.each(Object.entries(weakHashes))('%s verifies only when wrapped', async (_, raw) => {
    const weak = readImportedHash(raw);
    if (weak.kind !== 'weak') throw new Error(weak.kind);
    const wrapped = await hasher.wrapWeak(weak.hash);
    for (const unwrapped of [raw, weak.hash]) {
      expect(await hasher.verify(unwrapped, foreignPassword)).toBe(false);
    }
    expect(await hasher.verify(wrapped, foreignPassword)).toBe(true);
    expect(await hasher.verify(wrapped, `${foreignPassword}!`)).toBe(false);
    const digest = /[0-9a-f]{32,40}$/.exec(weak.hash)?.[0] ?? '';
    expect(await hasher.verify(wrapped, digest)).toBe(false);
    expect(wrapped).not.toContain(digest);
    expect(hasher.needsRehash(wrapped)).toBe(true);
    expect(readImportedHash(wrapped)).toEqual({ kind: 'usable', hash: wrapped });
  });

  test('of a password and a salt in UTF-8 verifies', async () => {
    const wrapped = await hasher.wrapWeak('md5$sält$fea0474496378a5877d2d674327f71d5');
    expect(await hasher.verify(wrapped, 'pässwörd 🦊')).toBe(true);
    expect(await hasher.verify(wrapped, 'pässwörd 🐢')).toBe(false);
  });

  test('has another wrapped hash each time', async () => {
    const weak = weakHashes['md5 of Django'];
    expect(await hasher.wrapWeak(weak)).not.toBe(await hasher.wrapWeak(weak));
  });

  test('only a weak digest is wrapped', async () => {
    const strong = foreignHashes['bcrypt of Django 3.2'];
    await expect(hasher.wrapWeak(strong)).rejects.toThrow(/^This is no weak hash\.$/);
  });
});
