/** Keys: each purpose has its own, and the key file of the data directory is private and created once. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  deriveKey,
  findStoredSecretKey,
  loadOrCreateSecretKey,
  requiredSecretKey,
} from '../../src/crypto/keys.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const root = makeScratchDirectory('keys');
afterAll(() => rmSync(root, { recursive: true }));

test('a key depends on SECRET_KEY and on the purpose, and on nothing else', () => {
  const key = deriveKey('one secret key', 'refresh-token');
  expect(key).toHaveLength(32);
  expect(deriveKey('one secret key', 'refresh-token')).toEqual(key);
  expect(deriveKey('one secret key', 'rate-limit')).not.toEqual(key);
  expect(deriveKey('another secret key', 'refresh-token')).not.toEqual(key);
});

describe('the key of the data directory', () => {
  test('is created once by any number of parallel calls', async () => {
    const directory = join(root, 'new', 'data');
    const keys = await Promise.all(
      Array.from({ length: 16 }, () => loadOrCreateSecretKey(directory)),
    );
    expect(new Set(keys).size).toBe(1);
    expect(Buffer.from(keys[0] ?? '', 'base64url')).toHaveLength(48);
    expect(await findStoredSecretKey(directory)).toBe(keys[0]);
    expect(readdirSync(directory)).toEqual(['secret-key']);
  });

  test('is readable by its owner only', async () => {
    const directory = join(root, 'private');
    await loadOrCreateSecretKey(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'secret-key')).mode & 0o777).toBe(0o600);
  });

  test('is not replaced where the database has values sealed with another key', async () => {
    const directory = join(root, 'empty');
    await expect(requiredSecretKey(directory, { isInUse: true, isStored: true })).rejects.toThrow(
      /SECRET_KEY is not set/,
    );
    expect(await findStoredSecretKey(directory)).toBeUndefined();
    await requiredSecretKey(directory, { isInUse: false, isStored: false });
    expect(await findStoredSecretKey(directory)).toBeUndefined();
  });
});
