/** The session cookie against requests of other origins (CSRF and CORS), for GraphQL and REST. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CookieSession,
  cookieSession,
  createCookieClient,
  loginDocument,
  logoutDocument,
  refreshDocument,
} from '../support/cookie-client.ts';
import { goodPassword } from '../support/people.ts';
import { type RawAnswer, rawRequest } from '../support/raw-request.ts';
import { startService, type TestService } from '../support/service.ts';

const publicUrl = 'https://auth.example';
const listed = ['https://app.example', 'https://*.wild.example'];

let service: TestService;

beforeAll(async () => {
  const environment = {
    PUBLIC_URL: publicUrl,
    CORS_ALLOWED_ORIGINS: listed.join(','),
    RATE_LIMITS: 'off',
  };
  service = await startService({ environment });
});
afterAll(() => service.close());

type Headers = Readonly<Record<string, string>>;
/** A browser's request with the cookie: method, path, body and its content type. */
interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
}

const json = 'application/json';
const formType = 'application/x-www-form-urlencoded';
const graphql = (query: string, variables: object = {}): Call => ({
  method: 'POST',
  path: '/graphql',
  body: JSON.stringify({ query, variables }),
  type: json,
});

/** The operations that use the cookie, and two that need an access token. */
const calls: Readonly<Record<string, (session: CookieSession) => Call>> = {
  'login by GraphQL': ({ email }) =>
    graphql(loginDocument, { input: { email, password: goodPassword } }),
  'refreshTokens by GraphQL': () => graphql(refreshDocument),
  'logout by GraphQL': () => graphql(logoutDocument),
  'logoutEverywhere by GraphQL': () => graphql('mutation { logoutEverywhere { __typename } }'),
  'login by REST': ({ email }) => ({
    method: 'POST',
    path: '/auth/login/',
    body: JSON.stringify({ email, password: goodPassword }),
    type: json,
  }),
  'login by a REST form': ({ email }) => ({
    method: 'POST',
    path: '/auth/login/',
    body: new URLSearchParams({ email, password: goodPassword }).toString(),
    type: formType,
  }),
  'refresh by REST': () => ({ method: 'POST', path: '/auth/token/refresh/' }),
  'refresh by a REST form': () => ({
    method: 'POST',
    path: '/auth/token/refresh/',
    body: 'a=b',
    type: formType,
  }),
  'logout by REST': () => ({ method: 'POST', path: '/auth/logout/' }),
  'logout everywhere by REST': () => ({ method: 'DELETE', path: '/auth/logout/' }),
};
const names = Object.keys(calls);

function send(session: CookieSession, name: string, headers: Headers): Promise<RawAnswer> {
  const { method, path, body, type } = calls[name]?.(session) ?? { method: '', path: '' };
  return rawRequest(service.address, [method, path], {
    headers: {
      cookie: `theme=dark; __Host-gatehouse-session=${session.cookie}; x=y`,
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

const sessionsOf = async ({ userId }: CookieSession) =>
  service.database.query(
    'select id, refresh_counter, ended_at, last_used_at from sessions where user_id = $1',
    [userId],
  );

const cookieMode = { 'x-session-transport': 'cookie' };

const otherOrigins: readonly Headers[] = [
  {},
  { origin: 'null' },
  { origin: 'null', 'sec-fetch-site': 'same-origin' },
  { origin: 'https://evil.example' },
  { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  { origin: 'https://app.example.evil' },
  { origin: 'https://evilapp.example' },
  { origin: 'https://x.app.example' },
  { origin: 'http://app.example' },
  { origin: 'https://app.example:8443' },
  { origin: 'https://wild.example' },
  { origin: 'https://auth.example.evil' },
  { origin: 'http://auth.example' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'none' },
  { referer: 'https://app.example/' },
];

describe.each(names)('J15: %s in cookie mode', (name) => {
  /** For requests that are refused and change nothing. */
  let session: CookieSession;
  beforeAll(async () => {
    session = await cookieSession(service);
  });

  test.each(otherOrigins)(
    'of another origin is refused and changes nothing: %j',
    async (headers) => {
      const before = await sessionsOf(session);
      const {
        status,
        text,
        headers: answered,
      } = await send(session, name, {
        ...cookieMode,
        ...headers,
        authorization: `Bearer ${session.accessToken}`,
      });
      const body = JSON.parse(text);
      expect([status, body.errors?.[0].extensions.code ?? body.data.code]).toEqual([
        403,
        'FORBIDDEN',
      ]);
      expect(text).toContain('CORS_ALLOWED_ORIGINS');
      expect(answered).not.toHaveProperty('set-cookie');
      expect(answered).not.toHaveProperty('access-control-allow-origin');
      expect(answered).not.toHaveProperty('access-control-allow-credentials');
      expect(await sessionsOf(session)).toEqual(before);
    },
  );

  test.each<Headers>([
    { origin: publicUrl },
    { origin: 'https://app.example' },
    { origin: 'https://a.b.wild.example', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-origin' },
  ])('of an allowed origin is accepted: %j', async (headers) => {
    const own = await cookieSession(service);
    const { status, headers: answered } = await send(own, name, {
      ...cookieMode,
      ...headers,
      authorization: `Bearer ${own.accessToken}`,
    });
    expect(status).toBeLessThan(300);
    expect(answered['set-cookie']).toEqual([expect.stringMatching(/^__Host-gatehouse-session=/)]);
    expect(answered['cache-control']).toBe('no-store');
    if (headers.origin === undefined) return;
    expect(answered).toMatchObject({
      'access-control-allow-origin': headers.origin,
      'access-control-allow-credentials': 'true',
      vary: expect.stringContaining('Origin'),
    });
  });

  test('without the header does not use the cookie, from any origin', async () => {
    const before = await sessionsOf(session);
    for (const headers of [
      ...otherOrigins,
      { origin: publicUrl },
      { origin: 'https://app.example' },
    ]) {
      const { headers: answered } = await send(session, name, headers);
      expect(answered).not.toHaveProperty('set-cookie');
    }
    expect(await sessionsOf(session)).toEqual(expect.arrayContaining(before));
  });

  test.each(['', 'Cookie', 'cookies', 'memory', 'cookie, cookie', 'cookie;', '1'])(
    'with the header %j is refused',
    async (transport) => {
      const { status, text, headers } = await send(session, name, {
        'x-session-transport': transport,
        origin: publicUrl,
      });
      expect([status, text]).toEqual([400, expect.stringContaining('X-Session-Transport')]);
      expect(headers).not.toHaveProperty('set-cookie');
    },
  );
});

describe('J15: a form that a page of any origin can send', () => {
  const refresh = new URLSearchParams({ query: 'mutation { refreshTokens { __typename } }' });
  const multipart = 'multipart/form-data; boundary=x';
  const part =
    '--x\r\ncontent-disposition: form-data; name="query"\r\n\r\nmutation { logout { __typename } }\r\n--x--\r\n';

  test.each<[path: string, type: string, body: string]>([
    ['/graphql', formType, refresh.toString()],
    ['/graphql', 'text/plain', JSON.stringify({ query: 'mutation { logout { __typename } }' })],
    ['/graphql', multipart, part],
    ['/auth/token/refresh/', formType, 'a=b'],
    ['/auth/token/refresh/', 'text/plain', '{}'],
    ['/auth/token/refresh/', multipart, part],
    ['/auth/logout/', formType, 'a=b'],
    ['/auth/logout/', 'text/plain', '{}'],
    ['/auth/logout/', multipart, part],
  ])('to %s as %s does not use the cookie', async (path, type, body) => {
    const session = await cookieSession(service);
    const before = await sessionsOf(session);
    for (const origin of ['https://evil.example', 'null', 'https://app.example', publicUrl]) {
      const { status, headers } = await rawRequest(service.address, ['POST', path], {
        headers: {
          origin,
          cookie: `__Host-gatehouse-session=${session.cookie}`,
          'content-type': type,
          'content-length': String(Buffer.byteLength(body)),
        },
        body,
      });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(headers).not.toHaveProperty('set-cookie');
    }
    expect(await sessionsOf(session)).toEqual(before);
  });

  test('is no GraphQL operation with the header either', async () => {
    const session = await cookieSession(service);
    const body = JSON.stringify({ query: 'mutation { logout { __typename } }' });
    const { status, setCookies } = await session.graphql(
      body,
      {},
      { headers: { 'content-type': 'text/plain' } },
    );
    expect([status, setCookies]).toEqual([415, []]);
  });
});

test('J15: a GET never changes a session in cookie mode', async () => {
  const session = await cookieSession(service);
  const before = await sessionsOf(session);
  const query = new URLSearchParams({ query: refreshDocument });
  const { status } = await rawRequest(service.address, ['GET', `/graphql?${query}`], {
    headers: {
      ...cookieMode,
      'apollo-require-preflight': 'true',
      cookie: `__Host-gatehouse-session=${session.cookie}`,
    },
  });
  expect(status).toBe(405);
  expect(await sessionsOf(session)).toEqual(before);
});

test('J15: scripts of other origins may not send the header, and read nothing', async () => {
  for (const origin of ['https://evil.example', 'null', 'https://app.example.evil']) {
    for (const path of ['/graphql', '/auth/login/', '/auth/token/refresh/']) {
      const { headers } = await rawRequest(service.address, ['OPTIONS', path], {
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,x-session-transport',
        },
      });
      const names = Object.keys(headers).filter((each) => each.startsWith('access-control'));
      expect(names).toEqual([]);
      expect(headers.vary).toContain('Origin');
    }
  }
});

test('the own origin of the service works without a list', async () => {
  await using alone = await startService();
  const client = createCookieClient(alone);
  expect((await client.graphql(refreshDocument)).data.result.code).toBe('INVALID_TOKEN');
  const headers = { origin: 'https://app.example' };
  expect((await client.graphql(refreshDocument, {}, { headers })).status).toBe(403);
});
