/** RATE_LIMITS: off, on, or changes to the defaults. */
import { expect, test } from 'vitest';
import { defaultLimits, limitNames, parseRateLimits } from '../../src/config/rate-limits.ts';

test('on means the defaults, off means no limits', () => {
  expect(parseRateLimits('on')).toBe(defaultLimits);
  expect(parseRateLimits('off')).toBeUndefined();
});

test('a change keeps the other limits', () => {
  const limits = parseRateLimits('account=50/3600, code=1/60');
  expect(limits).toEqual({
    ...defaultLimits,
    account: { points: 50, seconds: 3600 },
    code: { points: 1, seconds: 60 },
  });
});

test.each([
  '',
  'ON',
  'account',
  'account=0/60',
  'account=5/0',
  'account=-5/60',
  'account=5',
  'toString=5/60',
  'account=5/60;code=5/60',
  'account=99999999/60',
])('%j is refused, and the message has the names of the limits', (text) => {
  expect(() => parseRateLimits(text)).toThrow(limitNames.join(', '));
});
