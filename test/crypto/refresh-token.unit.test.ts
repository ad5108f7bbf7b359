/** Refresh tokens: bound to session, counter and SECRET_KEY, with exactly one spelling each. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRefreshTokens } from '../../src/crypto/refresh-token.ts';

const tokens = createRefreshTokens('a secret key of thirty-two bytes');
const content = { sessionId: randomUUID(), counter: 7 };
const token = tokens.issue(content);

test('a token opens to its session and counter', () => {
  const property = fc.property(fc.uuid(), fc.nat(2 ** 32 - 1), (sessionId, counter) => {
    const issued = tokens.issue({ sessionId, counter });
    expect(issued).toMatch(/^[\w-]{48}$/);
    expect(tokens.open(issued)).toEqual({ sessionId, counter });
  });
  fc.assert(property);
});

test('a token with any one character changed does not open', () => {
  const opened = Array.from(token, (character, at) =>
    tokens.open(token.slice(0, at) + (character === 'A' ? 'B' : 'A') + token.slice(at + 1)),
  );
  expect(opened).toEqual(Array(48).fill(undefined));
});

test.each([
  ['nothing', ''],
  ['less', token.slice(0, -1)],
  ['more', `${token}A`],
  ['padding', `${token}==`],
  ['white space', ` ${token}`],
])('%s is no token', (_what, text) => {
  expect(tokens.open(text)).toBeUndefined();
});

test('a token of another SECRET_KEY does not open', () => {
  expect(createRefreshTokens('another secret key of 32 bytes..').open(token)).toBeUndefined();
});
