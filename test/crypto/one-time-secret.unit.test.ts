/** Secrets of one-time passwords: derived again at any time, and not contained in their digest. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  createOneTimeSecrets,
  digestOf,
  looksLikeSecret,
} from '../../src/crypto/one-time-secret.ts';

const secrets = createOneTimeSecrets('a secret key of thirty-two bytes');

test('a secret depends on its row and on SECRET_KEY', () => {
  const [id, other] = [randomUUID(), randomUUID()];
  const secret = secrets.derive(id);
  expect(looksLikeSecret(secret)).toBe(true);
  expect(secrets.derive(id)).toBe(secret);
  expect(secrets.derive(other)).not.toBe(secret);
  expect(createOneTimeSecrets('another key').derive(id)).not.toBe(secret);
});

test('the digest does not contain the secret', () => {
  const secret = secrets.derive(randomUUID());
  expect(digestOf(secret)).toMatch(/^[\w-]{43}$/);
  expect(digestOf(secret)).not.toContain(secret.slice(0, 8));
});

test.each(['', 'x', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}=`, `${'A'.repeat(22)}\n`])(
  '%j does not have the format of a secret',
  (text) => {
    expect(looksLikeSecret(text)).toBe(false);
  },
);
