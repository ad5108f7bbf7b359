/** CORS_ALLOWED_ORIGINS: what is refused at the start, and which origins match. */
import { describe, expect, test } from 'vitest';
import { createOriginCheck } from '../../src/config/origins.ts';
import { faultsOf, useConfigFiles } from './environments.ts';

useConfigFiles();

test('* is refused, because the session cookie needs listed origins', () => {
  for (const value of ['*', 'https://app.example.com, *']) {
    expect(faultsOf({ CORS_ALLOWED_ORIGINS: value })).toEqual([
      expect.stringMatching(/^CORS_ALLOWED_ORIGINS \(entry \d\) must not be \*, because .*cookie/),
    ]);
  }
});

test('every origin that is none is a fault of its own, besides the others', () => {
  const faults = faultsOf({ CORS_ALLOWED_ORIGINS: 'https://a.example/,null,*', PORT: 'http' });
  expect(faults.filter((fault) => fault.startsWith('CORS_ALLOWED_ORIGINS'))).toHaveLength(3);
  expect(faults).toEqual(expect.arrayContaining([expect.stringMatching(/^PORT/)]));
});

describe('an Origin header', () => {
  const isAllowed = createOriginCheck({
    publicUrl: 'https://auth.example:8443',
    corsAllowedOrigins: ['https://app.example', 'https://*.wild.example', 'capacitor://localhost'],
  });

  test.each([
    'https://auth.example:8443',
    'https://app.example',
    'https://a.wild.example',
    'https://a.b.wild.example',
    'capacitor://localhost',
  ])('%s is allowed', (origin) => {
    expect(isAllowed(origin)).toBe(true);
  });

  test.each([
    undefined,
    '',
    'null',
    '*',
    'https://evil.example',
    'https://app.example.evil',
    'https://evilapp.example',
    'https://x.app.example',
    'https://app.example:8443',
    'https://app.example/',
    'https://app.example@evil.example',
    'https://app.example, https://evil.example',
    'http://app.example',
    'HTTPS://app.example',
    'https://auth.example',
    'https://wild.example',
    'https://evil.example?.wild.example',
    'https://evil.example/.wild.example',
    'https://evil.example#.wild.example',
    'https://user@a.wild.example',
    'https://a_wild.example',
    'https://.wild.example',
    'https://a.wild.example.evil',
    'https://a.wildXexample',
    'https://*.wild.example',
    'https://a.wild.example\n',
  ])('%j is not', (origin) => {
    expect(isAllowed(origin)).toBe(false);
  });
});
