/** Client errors of HTTP: the right status in the common format, with the headers of every response. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Login, person } from '../../support/people.ts';
import { exchange, type RawExchange, requestBytes } from '../../support/raw-socket.ts';
import { envelopeOf, internals } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string };

beforeAll(async () => {
  service = await startService();
  ada = await person(service);
});
afterAll(() => service.close());

/** The headers of every response, with and without a route. */
function expectHeaders({ headers }: RawExchange): void {
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
    'content-type': 'application/json; charset=utf-8',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': expect.stringMatching(/max-age=\d{7,}/),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  });
  for (const name of ['server', 'x-powered-by']) expect(headers[name]).toBeUndefined();
}

const json = { 'Content-Type': 'application/json' };
const withBody = (body: string, headers: Readonly<Record<string, string>> = {}) =>
  requestBytes(
    'POST /auth/login/',
    { ...json, 'Content-Length': `${body.length}`, ...headers },
    body,
  );

describe('an invalid HTTP request', () => {
  const cases: readonly (readonly [what: string, status: number, bytes: string | Buffer])[] = [
    ['headers beyond 16 KiB', 431, requestBytes('GET /health/live', { X: 'x'.repeat(40_000) })],
    [
      'a token of a megabyte',
      431,
      requestBytes('GET /auth/profile/view/', { Authorization: `Bearer ${'x'.repeat(1_000_000)}` }),
    ],
    ['an unknown method', 501, requestBytes('FOO /auth/login/')],
    ['TLS', 400, Buffer.from('16030100a5010000a10303', 'hex')],
    ['garbage', 400, 'hello?\r\n\r\n'],
    ['an unknown version', 400, 'GET / HTTP/3.7\r\nHost: localhost\r\n\r\n'],
    ['the preface of HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a malformed header', 400, 'GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n'],
    ['a space before a colon', 400, 'GET / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n'],
    ['a line break in a header', 400, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n'],
    ['a NUL in a header', 400, requestBytes('GET /health/live', { X: 'a\0b' })],
    ['a length and chunks', 400, withBody('{}', { 'Transfer-Encoding': 'chunked' })],
    ['two lengths', 400, withBody('{}').replace('\r\n\r\n', '\r\nContent-Length: 7\r\n\r\n')],
    ['a negative length', 400, withBody('{}', { 'Content-Length': '-2' })],
    ['a length with a sign', 400, withBody('{}', { 'Content-Length': '+2' })],
    [
      'a coding that hides chunks',
      400,
      requestBytes('POST /auth/login/', { ...json, 'Transfer-Encoding': 'xchunked' }, '{}'),
    ],
    [
      'a chunk without a size',
      400,
      requestBytes(
        'POST /auth/login/',
        { ...json, 'Transfer-Encoding': 'chunked' },
        'zz\r\n{}\r\n',
      ),
    ],
    ['a tunnel', 501, requestBytes('CONNECT evil.example:443')],
  ];

  test.each(cases)(
    '%s: %i in the common format, and the connection is closed',
    async (_what, status, bytes) => {
      const response = await exchange(service.address, bytes);
      expect(response.status).toBe(status);
      expect(envelopeOf(response)).toMatchObject({ code: 'VALIDATION_FAILED', fields: [] });
      expect(response.text).not.toMatch(/hello|FOO|evil/);
      expectHeaders(response);
      expect(response.headers.connection).toBe('close');
      expect(response.headers['content-length']).toBe(`${Buffer.byteLength(response.text)}`);
      expect(response.isClosed).toBe(true);
    },
  );

  test('a smuggled request gets no response', async () => {
    const hidden = requestBytes('GET /health/live');
    const bytes = withBody(`0\r\n\r\n${hidden}`, {
      'Transfer-Encoding': 'chunked',
      Connection: 'keep-alive',
    });
    const response = await exchange(service.address, bytes);
    expect(response.status).toBe(400);
    expect(response.text).not.toContain('HTTP/1.1');
  });
});

describe('a valid HTTP request that is refused', () => {
  const cases: readonly (readonly [what: string, status: number, bytes: string])[] = [
    ['an unknown path', 404, requestBytes('GET /nothing')],
    [
      'an unknown path, with a body that is not read',
      404,
      requestBytes('POST /nothing', { 'Content-Type': 'text/plain', 'Content-Length': '2' }, '{}'),
    ],
    ['another method', 405, requestBytes('PUT /auth/login/')],
    [
      'another method, with a body that is not read',
      405,
      requestBytes(
        'PUT /auth/login/',
        { 'Content-Type': 'text/plain', 'Content-Length': '2' },
        '{}',
      ),
    ],
    ['TRACE', 501, requestBytes('TRACE /auth/login/')],
    ['PROPFIND', 501, requestBytes('PROPFIND /auth/login/')],
    [
      'an Accept that leaves JSON out',
      406,
      requestBytes('GET /auth/profile/view/', { Accept: 'image/png' }),
    ],
    [
      'an Accept that refuses JSON',
      406,
      requestBytes('GET /auth/profile/view/', { Accept: 'application/json;q=0, */*' }),
    ],
    [
      'a length beyond the limit',
      413,
      requestBytes('POST /auth/login/', { ...json, 'Content-Length': '100001' }),
    ],
    [
      'a length beyond the limit, on GET',
      413,
      requestBytes('GET /health/live', { 'Content-Length': '100001' }),
    ],
    ['text', 415, withBody('{}', { 'Content-Type': 'text/plain' })],
    ['gzip', 415, withBody('{}', { 'Content-Encoding': 'gzip' })],
    ['deflate after identity', 415, withBody('{}', { 'Content-Encoding': 'identity, deflate' })],
    ['JSON in UTF-16', 415, withBody('{}', { 'Content-Type': 'application/json; charset=utf-16' })],
    [
      'a form in Latin 1',
      415,
      withBody('a=b', { 'Content-Type': 'application/x-www-form-urlencoded;charset="iso-8859-1"' }),
    ],
    ['no type', 415, requestBytes('POST /auth/login/', { 'Content-Length': '2' }, '{}')],
    [
      'compressed chunks',
      501,
      requestBytes(
        'POST /auth/login/',
        { ...json, 'Transfer-Encoding': 'gzip, chunked' },
        '0\r\n\r\n',
      ),
    ],
    ['no Host', 400, 'GET /openapi.json HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two Hosts', 400, requestBytes('GET /openapi.json', { host: 'evil.example' })],
    ['another Host', 400, requestBytes('GET /openapi.json', { Host: 'evil.example' })],
    [
      'another Host on an unknown path',
      400,
      requestBytes('GET /nothing', { Host: 'evil.example' }),
    ],
    ['a path that cannot be decoded', 400, requestBytes('GET /auth/%zz')],
  ];

  test.each(cases)('%s: %i in the common format', async (_what, status, bytes) => {
    const response = await exchange(service.address, bytes);
    expect(response.status).toBe(status);
    envelopeOf(response);
    expectHeaders(response);
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('every error on /graphql has the format of GraphQL', async () => {
    const of = (line: string, headers: object = {}, body = '') =>
      exchange(
        service.address,
        requestBytes(line, { 'Content-Length': `${body.length}`, ...headers }, body),
      );
    const responses = [
      [405, await of('PUT /graphql')],
      [405, await of('DELETE /graphql', json, '{}')],
      [
        406,
        await of('POST /graphql', { ...json, Accept: 'image/png' }, '{"query":"{__typename}"}'),
      ],
      [413, await of('POST /graphql', { ...json, 'Content-Length': '100001' })],
      [415, await of('POST /graphql', { 'Content-Type': 'text/plain' }, '{}')],
      [
        415,
        await of(
          'POST /graphql',
          {
            'Content-Type': 'application/x-www-form-urlencoded',
            'Apollo-Require-Preflight': 'true',
          },
          'query={__typename}',
        ),
      ],
      [
        415,
        await of('POST /graphql', { 'Content-Type': 'multipart/form-data; boundary=x' }, '--x--'),
      ],
      [415, await of('POST /graphql', { ...json, 'Content-Encoding': 'gzip' }, '{}')],
      [400, await of('POST /graphql', json, '{"query":"{__typename}","query":"{me{id}}"}')],
      [400, await of('POST /graphql', json, '{')],
      [400, await of('POST /graphql', { ...json, Host: 'evil.example' }, '{}')],
      [
        401,
        await of('POST /graphql', { ...json, Authorization: 'Bearer x' }, '{"query":"{me{id}}"}'),
      ],
    ] as const;
    for (const [status, response] of responses) {
      expect(response.status).toBe(status);
      expect(JSON.parse(response.text)).toEqual({
        errors: [
          {
            message: expect.any(String),
            extensions: expect.objectContaining({ code: expect.any(String) }),
          },
        ],
      });
      expect(response.text).not.toMatch(internals);
      expectHeaders(response);
    }
  });
});

describe('methods', () => {
  test('405 and OPTIONS list the allowed methods, also on pages, operational routes and /graphql', async () => {
    const allowed: readonly (readonly [string, string, string])[] = [
      ['PUT', '/auth/login/', 'POST, OPTIONS'],
      ['POST', '/auth/profile/view/', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/graphql', 'GET, POST, OPTIONS'],
      ['HEAD', '/graphql?query={__typename}', 'GET, POST, OPTIONS'],
      ['POST', '/health/live', 'GET, HEAD, OPTIONS'],
      ['POST', '/.well-known/jwks.json', 'GET, HEAD, OPTIONS'],
      ['POST', '/openapi.json', 'GET, HEAD, OPTIONS'],
      ['PATCH', '/verify-email', 'GET, POST, HEAD, OPTIONS'],
    ];
    for (const [method, path, methods] of allowed) {
      const refused = await exchange(service.address, requestBytes(`${method} ${path}`));
      expect([refused.status, path]).toEqual([405, path]);
      const set = (text: string | undefined) => text?.split(', ').sort();
      expect(set(refused.headers.allow)).toEqual(set(methods));
      const asked = await exchange(service.address, requestBytes(`OPTIONS ${path}`));
      expect([asked.status, set(asked.headers.allow), asked.text]).toEqual([204, set(methods), '']);
    }
  });

  test('HEAD is GET without a body on every route with GET', async () => {
    const headers = { Authorization: `Bearer ${ada.accessToken}` };
    const paths = [
      '/auth/profile/view/',
      '/health/live',
      '/openapi.json',
      '/.well-known/jwks.json',
      '/verify-email?code=x',
      '/assets/gatehouse.css',
    ];
    for (const path of paths) {
      const get = await exchange(service.address, requestBytes(`GET ${path}`, headers));
      const head = await exchange(service.address, requestBytes(`HEAD ${path}`, headers));
      expect([head.status, head.text, path]).toEqual([get.status, '', path]);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(head.headers['content-length']).toBe(get.headers['content-length']);
    }
  });

  test.each([
    '*/*',
    'application/*',
    'text/html, application/json;q=0.1',
    'application/json; charset=utf-8',
    '',
  ])('an Accept of "%s" accepts JSON', async (accept) => {
    const headers = { Authorization: `Bearer ${ada.accessToken}`, Accept: accept };
    const response = await exchange(
      service.address,
      requestBytes('GET /auth/profile/view/', headers),
    );
    expect(response.status).toBe(200);
  });
});

describe('URLs', () => {
  const body = 'email=nobody%40example.com&password=wrong+password';
  const headers = {
    'Content-Type': 'application/x-www-form-urlencoded',
    'Content-Length': `${body.length}`,
  };
  const post = (target: string) =>
    exchange(service.address, requestBytes(`POST ${target}`, headers, body));

  test.each([
    '//auth/login/',
    '/auth//login/',
    '/auth/./login/',
    '/auth/x/../login/',
    '/auth/login/.',
    '/AUTH/LOGIN/',
    '/auth/Login/',
    '/auth%2flogin/',
    '/auth/login%2f',
    '/auth/login%2F',
    '/%2fauth/login/',
    '/auth/login%00/',
    '/auth/login%20/',
    '/auth/login;/',
    '/auth/login/;x=y',
    '/auth\\login/',
    '/auth/login//',
    '/auth/login/#x',
    '/auth/log%69n/',
    '/auth/login',
    '/auth/login/?x=',
    '/auth/login?email=other%40example.com',
    '/auth/%6cogin/?',
    'http://evil.example/auth/login/',
    '/auth/log\u0131n/',
    '/auth/login/%2e',
    '/auth/%2e%2e/auth/login/',
  ])('POST %s reaches the login route or none', async (target) => {
    const response = await post(target);
    const { code } = envelopeOf(response);
    expect(['400 VALIDATION_FAILED', '401 INVALID_CREDENTIALS', '404 NOT_FOUND']).toContain(
      `${response.status} ${code}`,
    );
  });

  test('a final slash, a query and an escape make no difference', async () => {
    for (const target of ['/auth/login', '/auth/login/?x=', '/auth/log%69n/']) {
      expect((await post(target)).status).toBe(401);
    }
  });

  test('a repeated key of a query is refused', async () => {
    const code = 'AAAAAAAAAAAAAAAAAAAAAA';
    const targets = [
      `/auth/register/verify?code=${code}&code=${code}`,
      `/verify-email?code=${code}&code=${code}`,
      '/graphql?query={a}&query={b}',
    ];
    for (const target of targets) {
      const response = await exchange(
        service.address,
        requestBytes(`GET ${target}`, { 'Apollo-Require-Preflight': 'true' }),
      );
      expect([response.status, target]).toEqual([400, target]);
    }
  });
});
