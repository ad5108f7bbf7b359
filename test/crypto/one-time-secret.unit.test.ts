/** Secrets of one-time passwords: derived again at any time, and not contained in their digest. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  createOneTimeSecrets,
  digestOf,
  isSameShortCode,
  looksLikeSecret,
  readShortCode,
  shortCodesIn,
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

test('a short code depends on its row and on SECRET_KEY, and is no part of the secret', () => {
  const [id, other] = [randomUUID(), randomUUID()];
  const code = secrets.deriveShort(id);
  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
  expect(secrets.deriveShort(id)).toBe(code);
  expect(secrets.deriveShort(other)).not.toBe(code);
  expect(createOneTimeSecrets('another key').deriveShort(id)).not.toBe(code);
  expect(isSameShortCode(code, secrets.deriveShort(id))).toBe(true);
  expect(isSameShortCode(code, secrets.deriveShort(other))).toBe(false);
});

test('short codes use every character of the alphabet about equally often at every position', () => {
  const codes = Array.from({ length: 3200 }, () => secrets.deriveShort(randomUUID()));
  for (const position of [0, 1, 2, 3, 5, 6, 7, 8]) {
    const counts = new Map<string, number>();
    for (const code of codes)
      counts.set(code.charAt(position), (counts.get(code.charAt(position)) ?? 0) + 1);
    expect(counts.size).toBe(32);
    expect(Math.max(...counts.values())).toBeLessThan(200);
    expect(Math.min(...counts.values())).toBeGreaterThan(30);
  }
});

test.each([
  '4F7K-2M9X',
  '4f7k-2m9x',
  '4F7K2M9X',
  ' 4F7K 2M9X ',
  '4f 7k 2m 9x',
  '4F7K--2M9X',
  '4F7K\u20132M9X',
  '4F7K \u2014 2M9X',
  '4F7K\u22122M9X',
  '4F7K\u20112M9X',
  '4F7K\u00A02M9X',
  '４Ｆ７Ｋ－２Ｍ９Ｘ',
])('%j is read as 4F7K-2M9X', (typed) => {
  expect(readShortCode(typed)).toBe('4F7K-2M9X');
});

test.each([
  ['OoIi-LlUu', '0011-11VV'],
  ['0011-11VV', '0011-11VV'],
])('%s is read as %s', (typed, code) => {
  expect(readShortCode(typed)).toBe(code);
});

test.each([
  '',
  '4F7K-2M9',
  '4F7K-2M9X1',
  '4F7K.2M9X',
  '4F7K-2M9É',
  'ABCDEFGHJKMNPQRSTVWXYZ',
  '-_-_-_-_-_-_-_4F7K2M9X',
])('%j is no short code', (typed) => {
  expect(readShortCode(typed)).toBeUndefined();
});

test('short codes are found in a text', () => {
  expect(shortCodesIn('type\n4F7K-2M9X\nor 0000-ZZZZ, not 2026-01-31 or A4F7K-2M9X')).toEqual([
    '4F7K-2M9X',
    '0000-ZZZZ',
  ]);
});
