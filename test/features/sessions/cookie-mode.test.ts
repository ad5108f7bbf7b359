/** Cookie mode: the refresh token is in the session cookie and in no answer. */
import { stringify as uuidText } from 'uuid';
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
import { exchange } from '../../support/raw-socket.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const removed = expect.stringMatching(/^__Host-gatehouse-session=; Path=\/; Max-Age=0; /);

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

describe('a refresh', () => {
  test('keeps the new refresh token in the cookie', async () => {
    const session = await cookieSession(service);
    const before = session.cookie;
    const { data, setCookies } = await session.graphql(refreshDocument);
    expect(data.result).toMatchObject({ refreshToken: null, user: { id: session.userId } });
    expect(setCookies).toHaveLength(1);
    expect(session.cookie).not.toBe(before);
    const { body } = await session.rest('POST', '/token/refresh/');
    expect(body.data).toMatchObject({ refresh_token: null, expires_in: expect.any(Number) });
    expect(await me(body.data.access_token)).toBe(session.userId);
  });

  test('with an expired access token as bearer succeeds', async () => {
    const session = await cookieSession(service);
    const { data } = await session.graphql(refreshDocument, {}, { token: 'expired' });
    expect(data.result.__typename).toBe('TokenPair');
  });

  test('moves a token that an application has stored into the cookie', async () => {
    const { refreshToken, userId } = await somebody(service);
    const client = createCookieClient(service);
    const { data } = await client.graphql(refreshDocument, { refreshToken });
    expect(data.result).toMatchObject({ refreshToken: null, user: { id: userId } });
    expect(await isLive(client.cookie)).toBe(true);
  });

  test('of two tabs at once lets both go on, and of 16 at once leaves one working cookie', async () => {
    const session = await cookieSession(service);
    for (const count of [2, 16]) {
      const tabs = Array.from({ length: count }, () => createCookieClient(service, session.cookie));
      const answers = await Promise.all(tabs.map((tab) => tab.graphql(refreshDocument)));
      for (const { data } of answers)
        expect(await me(data.result.accessToken)).toBe(session.userId);
      expect(new Set(tabs.map(({ cookie }) => cookie)).size).toBe(1);
      session.cookie = tabs[0]?.cookie;
    }
    expect(await isLive(session.cookie)).toBe(true);
  });

  test('without a cookie is INVALID_TOKEN and sets none', async () => {
    const client = createCookieClient(service);
    const { data, setCookies } = await client.graphql(refreshDocument);
    expect([data.result.code, setCookies]).toEqual(['INVALID_TOKEN', []]);
    const { status, body } = await client.rest('POST', '/token/refresh/');
    expect([status, body.data.code]).toEqual([401, 'INVALID_TOKEN']);
  });

  const set = (assignment: string, { cookie = '' }: CookieSession) =>
    service.database.query(`update sessions set ${assignment} where id = $1`, [
      uuidText(Buffer.from(cookie, 'base64url').subarray(0, 16)),
    ]);

  test.each<[string, (session: CookieSession) => Promise<unknown>]>([
    ['of an ended session', (session) => set('ended_at = now()', session)],
    ['of an expired session', (session) => set("expires_at = now() - interval '1 s'", session)],
    [
      'of a disabled account',
      ({ userId }) =>
        service.database.query("update users set status = 'DISABLED' where id = $1", [userId]),
    ],
    [
      'of the time before a restore of the database',
      async (session) => {
        await session.graphql(refreshDocument);
        await set('refresh_counter = 0', session);
      },
    ],
    [
      'that was used before',
      async (session) => {
        const { cookie } = session;
        await session.graphql(refreshDocument);
        await set("last_used_at = now() - interval '1 minute'", session);
        session.cookie = cookie;
      },
    ],
    [
      'that is forged',
      async (session) => {
        session.cookie = session.cookie?.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
      },
    ],
    [
      'that is empty',
      async (session) => {
        session.cookie = '';
      },
    ],
    [
      'that is quoted',
      async (session) => {
        session.cookie = `"${session.cookie}"`;
      },
    ],
    [
      'that has 7 kB',
      async (session) => {
        session.cookie = 'x'.repeat(7000);
      },
    ],
    [
      'with other characters',
      async (session) => {
        session.cookie = '\xff=%00=é';
      },
    ],
    [
      'that comes twice',
      async (session) => {
        session.cookie = `${session.cookie}; __Host-gatehouse-session=${session.cookie}`;
      },
    ],
  ])('with a cookie %s is INVALID_TOKEN and removes the cookie', async (_what, spoil) => {
    for (const way of ['GraphQL', 'REST'] as const) {
      const session = await cookieSession(service);
      await spoil(session);
      const { data, body, setCookies, status } =
        way === 'GraphQL'
          ? await session.graphql(refreshDocument)
          : await session.rest('POST', '/token/refresh/');
      const answer = way === 'GraphQL' ? [status, data.result.code] : [status, body.data.code];
      expect(answer).toEqual([way === 'GraphQL' ? 200 : 401, 'INVALID_TOKEN']);
      expect(setCookies).toEqual([removed]);
      expect(session.cookie).toBeUndefined();
    }
  });

  test('with a cookie of the time before a restore of the database does not end the session', async () => {
    const session = await cookieSession(service);
    const [restored] = [session.cookie];
    await session.graphql(refreshDocument);
    await set('refresh_counter = 0', session);
    expect((await session.graphql(refreshDocument)).data.result.code).toBe('INVALID_TOKEN');
    expect(await isLive(restored)).toBe(true);
  });

  test('with the cookie of another account than the access token is refused and changes nothing', async () => {
    const [session, other] = [await cookieSession(service), await somebody(service)];
    const before = session.cookie;
    const token = other.accessToken;
    const answers = [
      await session.graphql(refreshDocument, {}, { token }),
      await session.rest('POST', '/token/refresh/', { token }),
      await session.graphql(logoutDocument, {}, { token }),
      await session.rest('POST', '/logout/', { token }),
    ];
    expect(answers.map(({ data, body }) => data?.result?.code ?? body.data.code)).toEqual(
      new Array(4).fill('INVALID_TOKEN'),
    );
    expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([]);
    expect(session.cookie).toBe(before);
    expect([await me(token), await me(session.accessToken)]).toEqual([
      other.userId,
      session.userId,
    ]);
    expect(await isLive(before)).toBe(true);
  });
});

/**
 * Chromium takes a cookie with another byte before `__Host-` from a sibling domain, because the name has another prefix
 * then, and sends the byte unchanged.
 */
test.each(['\u00a0', '\u0085', '\u00ad'])(
  'a cookie of a sibling domain with the byte %j beside its name is another cookie',
  async (byte) => {
    const [planted, own] = [await cookieSession(service), await cookieSession(service)];
    const name = '__Host-gatehouse-session';
    const refresh = async (cookies: string) => {
      const body = JSON.stringify({ query: refreshDocument });
      const head = [
        'POST /graphql HTTP/1.1',
        `Host: ${new URL(service.address).host}`,
        'Sec-Fetch-Site: same-origin',
        'X-Session-Transport: cookie',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        `Cookie: ${cookies}`,
        'Connection: close',
      ];
      return exchange(
        service.address,
        Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1'),
      );
    };
    for (const around of [`${byte}${name}`, `${name}${byte}`]) {
      const alone = await refresh(`${around}=${planted.cookie}`);
      expect(alone.text).toContain('INVALID_TOKEN');
      const beside = await refresh(`${around}=${planted.cookie}; ${name}=${own.cookie}`);
      expect(beside.text).toContain(own.userId);
      const [, renewed] =
        /gatehouse-session=([^;]*)/.exec(beside.headers['set-cookie'] ?? '') ?? [];
      own.cookie = renewed;
    }
  },
);

describe('without the header the cookie is ignored', () => {
  const header = { 'x-session-transport': undefined };

  test('by a refresh, whose answer names the header', async () => {
    const session = await cookieSession(service);
    const before = session.cookie;
    const byGraphql = await session.graphql(refreshDocument, {}, { headers: header });
    expect(byGraphql.data.result).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [
        { path: 'refreshToken', message: expect.stringContaining('X-Session-Transport: cookie') },
      ],
    });
    const byRest = await session.rest('POST', '/token/refresh/', { headers: header });
    expect([byRest.status, byRest.body.data]).toEqual([
      400,
      {
        code: 'VALIDATION_FAILED',
        fields: [
          {
            path: 'refresh_token',
            message: expect.stringContaining('X-Session-Transport: cookie'),
          },
        ],
      },
    ]);
    expect([...byGraphql.setCookies, ...byRest.setCookies]).toEqual([]);
    expect(await isLive(before)).toBe(true);
  });

  test('by a logout, also without an access token', async () => {
    const session = await cookieSession(service);
    const answers = [
      await session.graphql(logoutDocument, {}, { headers: header }),
      await session.rest('POST', '/logout/', { headers: header }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    for (const { text, setCookies } of answers) {
      expect(text).toContain('X-Session-Transport: cookie');
      expect(setCookies).toEqual([]);
    }
    expect(await isLive(session.cookie)).toBe(true);
  });

  test('by a login, which answers with both tokens and leaves the session of the cookie', async () => {
    const session = await cookieSession(service);
    const input = { email: session.email, password: goodPassword };
    const { data, setCookies } = await session.graphql(
      loginDocument,
      { input },
      { headers: header },
    );
    expect([data.login.refreshToken, setCookies]).toEqual([expect.any(String), []]);
    expect(await isLive(session.cookie)).toBe(true);
  });

  test('and no operation accepts it in place of an access token, with the header or without', async () => {
    const session = await cookieSession(service);
    for (const headers of [{}, header]) {
      const byGraphql = await session.graphql(meDocument, {}, { headers });
      expect(byGraphql.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
      const entities =
        '{ _entities(representations: [{__typename: "User", id: "x"}]) { __typename } }';
      expect((await session.graphql(entities, {}, { headers })).errors?.[0]?.extensions?.code).toBe(
        'UNAUTHENTICATED',
      );
      expect((await session.rest('GET', '/profile/view/', { headers })).status).toBe(401);
      expect((await session.rest('DELETE', '/logout/', { headers })).status).toBe(401);
    }
  });

  test('by /forward-auth, the OAuth endpoints and public documents', async () => {
    const session = await cookieSession(service);
    const headers = {
      origin: service.app.config.publicUrl,
      'x-session-transport': 'cookie',
      cookie: `__Host-gatehouse-session=${session.cookie}`,
    };
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    const send = (path: string, init: RequestInit) => fetch(`${service.address}${path}`, init);
    const answers = [
      await send('/forward-auth', { headers }),
      await send('/oauth/token', {
        method: 'POST',
        headers: form,
        body: 'grant_type=refresh_token',
      }),
      await send('/oauth/introspect', {
        method: 'POST',
        headers: form,
        body: `token=${session.cookie}`,
      }),
      await send('/oauth/revoke', { method: 'POST', headers: form, body: '' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 400, 401, 400]);
    expect(answers.flatMap(({ headers }) => headers.getSetCookie())).toEqual([]);
    expect(await isLive(session.cookie)).toBe(true);
  });
});

describe('no answer in cookie mode has a refresh token', () => {
  test('under an alias, of a REST form, and of a parallel refresh', async () => {
    const session = await cookieSession(service);
    const tokens = 'one: refreshToken two: refreshToken refreshTokenExpiresAt';
    const answers = [
      await session.graphql(`mutation { a: refreshTokens { ... on TokenPair { ${tokens} } } }`),
      await session.rest('POST', '/token/refresh/', { json: { refresh_token: session.cookie } }),
      ...(await Promise.all([1, 2, 3].map(() => session.graphql(refreshDocument)))),
    ];
    expect(answers[0]?.data.a).toMatchObject({ one: null, two: null });
    for (const { text, status } of answers) {
      expect(status).toBe(200);
      expect(text).not.toMatch(/"[A-Za-z0-9_-]{48}"/);
    }
  });

  test('and an operation has one login at most', async () => {
    const session = await cookieSession(service);
    const before = session.cookie;
    const input = `input: { email: "${session.email}", password: "${goodPassword}" }`;
    const { status, errors, setCookies } = await session.graphql(
      `mutation { a: login(${input}) { __typename } b: login(${input}) { __typename } }`,
    );
    expect([status, errors?.length, setCookies]).toEqual([400, 1, []]);
    expect(await isLive(before)).toBe(true);
  });

  test('nor does the log', async () => {
    const session = await cookieSession(service);
    const before = session.cookie ?? '';
    await session.graphql(refreshDocument);
    await session.rest('POST', '/token/refresh/');
    const lines = service.logLines.join('\n');
    expect(lines).toContain('request completed');
    for (const token of [before, session.cookie ?? '']) {
      expect(token).toHaveLength(48);
      expect(lines).not.toContain(token);
    }
  });
});
