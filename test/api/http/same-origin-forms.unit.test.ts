/** The check of forms that use or set the session cookie: only pages of the service itself may send them. */
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { addSessionCookies, requireSameOrigin } from '../../../src/api/http/session-cookie.ts';

const app = fastify();
addSessionCookies(app, {
  publicUrl: 'https://auth.example',
  isAllowedOrigin: () => true,
  clock: () => new Date(),
});
const handler = async (request: { sessionCookie: unknown }) => ({
  hasCookie: request.sessionCookie !== undefined,
});
app.get('/page', requireSameOrigin, handler);
app.post('/page', requireSameOrigin, handler);

const post = (headers: Record<string, string>) =>
  app.inject({ method: 'POST', url: '/page', headers });

test.each([
  { origin: 'https://auth.example' },
  { 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'same-origin', origin: 'https://auth.example' },
])('a form of %j is in cookie mode', async (headers) => {
  const { statusCode, json, headers: answered } = await post(headers);
  expect([statusCode, json()]).toEqual([200, { hasCookie: true }]);
  expect(answered['referrer-policy']).toBe('same-origin');
});

test.each([
  {},
  { origin: 'null' },
  { origin: 'null', 'sec-fetch-site': 'same-origin' },
  { origin: 'https://app.example', 'sec-fetch-site': 'same-site' },
  { origin: 'https://auth.example.evil' },
  { origin: 'https://evil.auth.example' },
  { origin: 'http://auth.example' },
  { 'sec-fetch-site': 'none' },
  { 'sec-fetch-site': 'cross-site' },
])('a form of %j is refused', async (headers: Record<string, string>) => {
  expect((await post(headers)).statusCode).toBe(403);
});

test('a page can be opened from everywhere', async () => {
  const headers = { 'sec-fetch-site': 'cross-site' };
  const { statusCode } = await app.inject({ url: '/page', headers });
  expect(statusCode).toBe(200);
});
