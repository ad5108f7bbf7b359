/** The path of an original request in the log: ordinary paths are readable, secrets are not there. */
import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { loggedPathOf } from '../../../src/api/oauth/forwarded-path.ts';
import { createApiKeySecret } from '../../../src/crypto/api-key.ts';

test.each([
  '/',
  '/orders/1',
  '/api/v2/customers/12345678/invoices',
  '/articles/how-to-configure-the-reverse-proxy-in-10-steps',
  '/reports/Annual_Report_2026.final.v2.pdf',
  '/static/js/vendor.bundle.min.js',
  '/Stra%C3%9Fenverzeichnis/M%C3%BCnchen%20und%20Umgebung',
  `/${encodeURIComponent('東京都の観光案内と地図と交通情報の総合案内所')}`,
  '/users/@ada-lovelace/followers',
  '/gk_/short',
  '/volcanoes/eyjafjallajokull',
])('an ordinary path is readable: %s', (path) => {
  expect(loggedPathOf(path)).toBe(path);
});

const jwt = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.e30.c2lnbmF0dXJl`;
const percentEncoded = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

test.each([
  ['an API key', createApiKeySecret().secret],
  ['the beginning of an API key', 'gk_abcd1234'],
  ['a JWT', jwt],
  ['a JWT in a parameter', `token=${jwt}`],
  ['hex', randomBytes(16).toString('hex')],
  ['base64url', randomBytes(24).toString('base64url')],
  ['a UUID', randomUUID()],
  ['groups of uppercase letters', 'MFRG-GZDF-MZTW-QOJQ-GEZD'],
  ['groups of lowercase letters', 'mfrg-gzdf-mztw-qojq-gezd'],
  ['digits', '12345678901234567890'],
  ['a matrix parameter', ';jsessionid=1A530637289A03B07199A44E8D531427'],
  ['base64 with an encoded slash', `${randomBytes(12).toString('hex')}%2F${'ab'.repeat(8)}`],
  ['an encoded query without a separator', 'reset%26token=4f7c91d0a2'],
  ['bytes that are no UTF-8', '%ff%fe%fd%fc%fb%fa%f9%f8'],
])('%s is masked, also percent-encoded', (_title, secret) => {
  expect(loggedPathOf(`/reset/${secret}/x`)).toBe('/reset/***/x');
  const encoded = percentEncoded(secret);
  expect(loggedPathOf(`/reset/${encoded}/x`)).toBe('/reset/***/x');
  expect(loggedPathOf(`/reset/${encoded.toUpperCase()}`)).toBe('/reset/***');
  expect(loggedPathOf(`/reset/${encodeURIComponent(encoded)}`)).toBe('/reset/***');
});

test.each([
  ['/reset?token=short', '/reset'],
  ['/reset#short', '/reset'],
  ['/reset%3Ftoken=short', '/reset'],
  ['/reset%3ftoken=short', '/reset'],
  ['https://ada:password@app.example/orders?x', '/orders'],
])('the query and the origin of %s are left out', (uri, path) => {
  expect(loggedPathOf(uri)).toBe(path);
});

test('a secret that begins before the limit of the length is masked', () => {
  const before = '/a'.repeat(95);
  const text = loggedPathOf(`${before}/${randomBytes(64).toString('hex')}`);
  expect(text).toBe(`${before}/***`);
});
