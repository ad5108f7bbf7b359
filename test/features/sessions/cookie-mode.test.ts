/** Cookie mode: the refresh token is in the session cookie and in no answer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CookieSession,
  cookieSession,
  createCookieClient,
  loginDocument,
  logoutDocument,
  refreshDocument,
} from '../../support/cookie-client.ts';
import { goodPassword, insertAccount, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const meDocument = '{ me { id } }';
const me = async (token: string) => (await service.graphql(meDocument, {}, token)).data?.me?.id;

const isLive = async (cookie: string | undefined) => {
  const { data } = await createCookieClient(service, cookie).graphql(refreshDocument);
  return data.result.__typename === 'TokenPair';
};

describe('a login in cookie mode', () => {
  test('sets a cookie that no script and no other origin can read, until the end of the refresh token', async () => {
    const email = newAddress();
    await insertAccount(service, { email, password: goodPassword });
    const client = createCookieClient(service);
    const { data, setCookies, headers, text } = await client.graphql(loginDocument, {
      input: { email, password: goodPassword },
    });
    expect(data.login).toMatchObject({ refreshToken: null, accessToken: expect.any(String) });
    expect(setCookies).toHaveLength(1);
    const [pair = '', ...attributes] = (setCookies[0] ?? '').split('; ');
    expect(pair).toMatch(/^__Host-gatehouse-session=[A-Za-z0-9_-]{48}$/);
    const names = attributes.map((attribute) => attribute.split('=')[0]);
    expect(names.sort()).toEqual(
      ['Path', 'Max-Age', 'Expires', 'HttpOnly', 'Secure', 'SameSite'].sort(),
    );
    expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'SameSite=Lax']));
    const end = Date.parse(data.login.refreshTokenExpiresAt);
    const expires = attributes.find((each) => each.startsWith('Expires='))?.slice(8) ?? '';
    expect(Math.abs(Date.parse(expires) - end)).toBeLessThanOrEqual(1000);
    const maxAge = Number(attributes.find((each) => each.startsWith('Max-Age='))?.slice(8));
    expect(Math.abs(Date.now() + maxAge * 1000 - end)).toBeLessThan(5000);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(text).not.toContain(client.cookie);
  });

  test('over REST has no refresh token in the answer either, and says when the access token expires', async () => {
    const { email } = await somebody(service);
    const client = createCookieClient(service);
    const json = { email, password: goodPassword };
    const { body, status } = await client.rest('POST', '/login/', { json });
    expect(status).toBe(200);
    const { access_token: accessToken, ...rest } = body.data;
    expect(rest).toEqual({ expires_in: expect.any(Number), refresh_token: null });
    expect(rest.expires_in).toBeGreaterThan(280);
    expect(rest.expires_in).toBeLessThanOrEqual(300);
    expect(await me(accessToken)).toEqual(expect.any(String));
    expect(client.cookie).toHaveLength(48);
  });

  test('ends the earlier session of the browser', async () => {
    const first = await cookieSession(service);
    const earlier = first.cookie;
    const { email } = await somebody(service);
    const input = { email, password: goodPassword };
    const { data } = await first.graphql(loginDocument, { input });
    expect(data.login.__typename).toBe('TokenPair');
    expect(await me(first.accessToken)).toBeUndefined();
    expect(await isLive(earlier)).toBe(false);
    expect(await isLive(first.cookie)).toBe(true);
  });

  test('with a wrong password leaves the earlier session and its cookie', async () => {
    const session = await cookieSession(service);
    const input = { email: session.email, password: 'wrong password 1' };
    const { data, setCookies } = await session.graphql(loginDocument, { input });
    expect(data.login.code).toBe('INVALID_CREDENTIALS');
    expect(setCookies).toEqual([]);
    expect(await me(session.accessToken)).toBe(session.userId);
  });
});

describe('a refresh with the cookie', () => {
  test('keeps the new refresh token in the cookie', async () => {
    const session = await cookieSession(service);
    const before = session.cookie;
    const { data } = await session.graphql(refreshDocument);
    expect(data.result).toMatchObject({ refreshToken: null, user: { id: session.userId } });
    expect(session.cookie).not.toBe(before);
    const { body } = await session.rest('POST', '/token/refresh/');
    expect(body.data).toMatchObject({ refresh_token: null, expires_in: expect.any(Number) });
    expect(await me(body.data.access_token)).toBe(session.userId);
  });
});

describe('a logout', () => {
  const logout = (session: CookieSession, token?: string) =>
    session.graphql(logoutDocument, {}, { token });

  test('ends the session of the cookie and removes the cookie', async () => {
    const session = await cookieSession(service);
    const before = session.cookie;
    const { data, setCookies } = await logout(session, session.accessToken);
    expect(data.result.__typename).toBe('Acknowledgement');
    expect(setCookies[0]).toMatch(/^__Host-gatehouse-session=; Path=\/; Max-Age=0; /);
    expect(session.cookie).toBeUndefined();
    expect(await me(session.accessToken)).toBeUndefined();
    expect(await isLive(before)).toBe(false);
  });

  test('needs no access token', async () => {
    const session = await cookieSession(service);
    const { status, text } = await session.rest('POST', '/logout/');
    expect([status, text]).toEqual([204, '']);
    expect(session.cookie).toBeUndefined();
    expect(await me(session.accessToken)).toBeUndefined();
  });
});
