/** Host headers and ALLOWED_HOSTS. */
import { expect, test } from 'vitest';
import { isAllowedHost } from '../../../src/api/http/security-headers.ts';

const allowed = ['auth.example.com', '.wild.example', '[::1]'];

test.each([
  ['auth.example.com', true],
  ['AUTH.example.com:443', true],
  ['auth.example.com.', true],
  ['wild.example', true],
  ['a.b.wild.example', true],
  ['[::1]:4000', true],
  [undefined, false],
  ['', false],
  ['example.com', false],
  ['evil-auth.example.com', false],
  ['auth.example.com.evil.example', false],
  ['evilwild.example', false],
  ['auth.example.com:443:80', false],
  ['auth.example.com/evil', false],
  ['auth.example.com evil.example', false],
  ['evil.example@auth.example.com', false],
  ['[::2]', false],
])('%j: %s', (host, isAllowed) => {
  expect(isAllowedHost(host, allowed)).toBe(isAllowed);
});

test('* allows every valid name and no other text', () => {
  expect(isAllowedHost('anything.example', ['*'])).toBe(true);
  expect(isAllowedHost('any thing', ['*'])).toBe(false);
});
