/** Response headers: content type, caching, framing and CORS. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goodPassword, type Login, person } from '../../support/people.ts';
import { type RawAnswer, rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string };

const origins = ['https://app.example', 'https://admin.example:8443', 'capacitor://localhost'];
const patterns = ['https://*.wild.example'];
const matching = ['https://a.wild.example', 'https://a-1.b.wild.example'];

beforeAll(async () => {
  service = await startService({
    environment: { CORS_ALLOWED_ORIGINS: [...origins, ...patterns].join(',') },
  });
  ada = await person(service);
});
afterAll(() => service.close());

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: object;
}

const ask = (method: string, path: string, { headers = {}, json }: Asked = {}) =>
  rawRequest(service.address, [method, path], {
    headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(json ? { body: JSON.stringify(json) } : {}),
  });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** While `work` runs, the table of users is missing. */
async function withoutUsers<Result>(work: () => Promise<Result>): Promise<Result> {
  await service.database.query('alter table users rename to users_away');
  try {
    return await work();
  } finally {
    await service.database.query('alter table users_away rename to users');
  }
}

test('every kind of response has the security headers', async () => {
  const login = { email: ada.email, password: goodPassword };
  const query = { query: '{ me { id } }' };
  const responses: readonly (readonly [number, RawAnswer])[] = [
    [200, await ask('POST', '/auth/login/', { json: login })],
    [204, await ask('OPTIONS', '/auth/login/')],
    [400, await ask('POST', '/auth/login/', { json: {} })],
    [401, await ask('GET', '/auth/profile/view/')],
    [403, await ask('GET', '/auth/admin/users/', { headers: bearer(ada.accessToken) })],
    [404, await ask('GET', '/nothing')],
    [405, await ask('PUT', '/auth/login/')],
    [200, await ask('POST', '/graphql', { json: query })],
    [200, await ask('GET', '/health/live')],
    [400, await ask('GET', '/verify-email?code=')],
    [200, await ask('GET', '/docs/')],
    [500, await withoutUsers(() => ask('POST', '/auth/login/', { json: login }))],
    [
      200,
      await withoutUsers(() =>
        ask('POST', '/graphql', {
          json: {
            query:
              'mutation { login(input: { email: "a@b.example", password: "wrong" }) { __typename } }',
          },
        }),
      ),
    ],
  ];
  for (const [status, { status: actual, headers }] of responses) {
    expect(actual).toBe(status);
    expect(headers).toMatchObject({
      'strict-transport-security': expect.stringMatching(/max-age=\d{7,}/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'content-security-policy': expect.stringMatching(/frame-ancestors '(none|self)'/),
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(headers).not.toHaveProperty('server');
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('set-cookie');
  }
});

test('every text declares UTF-8, and only public static content is cacheable', async () => {
  const pages = [
    '/openapi.json',
    '/docs/',
    '/docs/static/swagger-ui.css',
    '/docs/static/swagger-ui-bundle.js',
    '/graphql/ide/',
    '/assets/gatehouse.css',
    '/assets/gatehouse.svg',
    '/assets/show-password.js',
    '/.well-known/jwks.json',
    '/verify-email',
    '/reset-password',
    '/health/live',
    '/health/ready',
    '/nothing',
    '/auth/profile/view/',
  ];
  const keepable = /^\/(docs|graphql\/ide|assets|\.well-known)\//;
  for (const path of pages) {
    const { headers } = await ask('GET', path);
    expect([path, headers['content-type']]).toEqual([
      path,
      expect.stringMatching(/^[a-z]+\/[a-z+-]+; charset=utf-8$/),
    ]);
    if (!keepable.test(path)) expect([path, headers['cache-control']]).toEqual([path, 'no-store']);
  }
});

test('no response with a token or for a caller is cacheable', async () => {
  const login = { email: ada.email, password: goodPassword };
  const { refreshToken } = await person(service);
  const responses = [
    await ask('POST', '/auth/login/', { json: login }),
    await ask('POST', '/auth/login/', { json: { ...login, password: 'wrong' } }),
    await ask('POST', '/auth/token/refresh/', { json: { refresh_token: refreshToken } }),
    await ask('POST', '/auth/token/refresh/', { json: { refresh_token: 'x' } }),
    await ask('GET', '/auth/profile/view/', { headers: bearer(ada.accessToken) }),
    await ask('GET', '/auth/profile/has_group/Root/', { headers: bearer(ada.accessToken) }),
    await ask('POST', '/graphql', {
      json: { query: '{ me { id } }' },
      headers: bearer(ada.accessToken),
    }),
    await ask('POST', '/graphql', { json: { query: '{' } }),
    await ask('GET', '/verify-email?code=AAAAAAAAAAAAAAAAAAAAAA'),
    await ask('GET', '/auth/password/verify/x/y/'),
  ];
  for (const { headers } of responses) expect(headers['cache-control']).toBe('no-store');
});

describe('401', () => {
  test('every 401 has a challenge, and an invalid token has its own error', async () => {
    const login = (password: string) => ({ json: { email: ada.email, password } });
    const old = await person(service);
    await ask('POST', '/auth/logout/', { headers: bearer(old.accessToken) });
    const me = { json: { query: '{ me { id } }' } };
    const plain = [
      await ask('POST', '/auth/login/', login('wrong password')),
      await ask('POST', '/auth/token/refresh/', { json: { refresh_token: 'x' } }),
      await ask('GET', '/auth/password/verify/x/y/'),
      await ask('DELETE', '/auth/profile/delete/', {
        ...login('wrong password'),
        headers: bearer(ada.accessToken),
      }),
      await ask('GET', '/auth/profile/view/'),
      await ask('GET', '/auth/profile/view/', { headers: { authorization: 'Basic YTpi' } }),
    ];
    for (const { status, headers } of plain) {
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
    }
    const bad = [
      await ask('GET', '/auth/profile/view/', { headers: bearer('x') }),
      await ask('GET', '/auth/profile/view/', { headers: bearer(old.accessToken) }),
      await ask('POST', '/graphql', { ...me, headers: bearer('x') }),
      await ask('POST', '/graphql', { ...me, headers: bearer(old.accessToken) }),
    ];
    for (const { status, headers } of bad) {
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"']);
    }
  });

  test('a missing permission is answered 403 without a challenge', async () => {
    const response = await ask('GET', '/auth/admin/users/', { headers: bearer(ada.accessToken) });
    expect(response.status).toBe(403);
    expect(response.headers).not.toHaveProperty('www-authenticate');
  });

  test('an unknown address, a wrong password and a closed account get byte-identical responses', async () => {
    const closed = await person(service);
    await service.database.query(`update users set status = 'DISABLED' where email = $1`, [
      closed.email,
    ]);
    const attempts = [
      { email: 'nobody@example.com', password: 'wrong password' },
      { email: ada.email, password: 'wrong password' },
      { email: closed.email, password: goodPassword },
    ];
    const responses = [];
    for (const json of attempts) {
      const { status, rawHeaders, text } = await ask('POST', '/auth/login/', { json });
      const changing = /^(date|x-request-id)$/i;
      const headers = rawHeaders.filter(
        (_, index) => !changing.test(rawHeaders[index - (index % 2)] ?? ''),
      );
      responses.push({ status, headers, text });
    }
    expect(responses[1]).toEqual(responses[0]);
    expect(responses[2]).toEqual(responses[0]);
  });
});

describe('CORS', () => {
  const otherOrigins = [
    'https://evil.example',
    'null',
    'https://app.example.evil.example',
    'https://evilapp.example',
    'http://app.example',
    'https://app.example:8443',
    'https://sub.app.example',
    'https://app.example/',
    'https://APP.EXAMPLE',
    'file://',
    '*',
    'https://app.example https://evil.example',
    'https://wild.example',
    'https://.wild.example',
    'https://evilwild.example',
    'https://a.wildXexample',
    'https://a.wild.example.evil.example',
    'https://a.wild.example:444',
    'https://evil.example/.wild.example',
    'http://a.wild.example',
    'tauri://localhost',
    'capacitor://evil',
  ];

  test.each(otherOrigins)(
    'an origin that is not allowed gets no CORS headers: %s',
    async (origin) => {
      const preflight = { origin, 'access-control-request-method': 'POST' };
      const responses = [
        await ask('POST', '/auth/login/', { json: {}, headers: { origin } }),
        await ask('POST', '/graphql', { json: { query: '{ __typename }' }, headers: { origin } }),
        await ask('OPTIONS', '/auth/login/', { headers: preflight }),
        await ask('OPTIONS', '/graphql', { headers: preflight }),
        await ask('GET', '/nothing', { headers: { origin } }),
      ];
      for (const { headers } of responses) {
        expect(headers).not.toHaveProperty('access-control-allow-origin');
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
        expect(headers.vary).toMatch(/\bOrigin\b/i);
      }
    },
  );

  test.each([...origins, ...matching])(
    'an allowed origin gets CORS headers with credentials in every response: %s',
    async (origin) => {
      const responses = [
        await ask('POST', '/auth/login/', { json: {}, headers: { origin } }),
        await ask('GET', '/auth/profile/view/', { headers: { origin, ...bearer('x') } }),
        await ask('POST', '/graphql', { json: { query: '{ __typename }' }, headers: { origin } }),
        await ask('GET', '/nothing', { headers: { origin } }),
      ];
      for (const { headers } of responses) {
        expect(headers['access-control-allow-origin']).toBe(origin);
        expect(headers['access-control-expose-headers']).toMatch(/Retry-After.*WWW-Authenticate/);
        expect(headers['access-control-allow-credentials']).toBe('true');
        expect(headers.vary).toMatch(/\bOrigin\b/i);
      }
    },
  );

  test('a preflight is answered before all other checks, for every method', async () => {
    for (const path of ['/auth/profile/update/', '/graphql', '/auth/admin/users/x/']) {
      const response = await ask('OPTIONS', path, {
        headers: {
          origin: 'https://app.example',
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'authorization,content-type',
        },
      });
      expect([response.status, response.text]).toEqual([204, '']);
      expect(response.headers['access-control-allow-origin']).toBe('https://app.example');
      const methods = response.headers['access-control-allow-methods']?.split(', ');
      expect(methods).toEqual(expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']));
      expect(response.headers['access-control-allow-headers']).toMatch(
        /Authorization.*Content-Type/,
      );
    }
  });
});
