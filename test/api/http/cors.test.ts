/** CORS: the request headers of real applications, and public documents for every origin. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let closed: TestService;

const origin = 'https://app.example';

beforeAll(async () => {
  service = await startService({ environment: { CORS_ALLOWED_ORIGINS: origin } });
  closed = await startService();
});
afterAll(() => Promise.all([service.close(), closed.close()]));

const preflight = (at: TestService, path: string, headers: Readonly<Record<string, string>>) =>
  rawRequest(at.address, ['OPTIONS', path], {
    headers: { 'access-control-request-method': 'POST', ...headers },
  });

const listIn = (header: string | undefined) => (header ?? '').toLowerCase().split(', ');

describe.each(['/graphql', '/auth/login/', '/oauth/token'])('%s', (path) => {
  test.each([
    'Authorization',
    'Content-Type',
    'X-CSRFToken',
    'X-XSRF-TOKEN',
    'X-Requested-With',
    'Idempotency-Key',
    'X-Session-Transport',
    'sentry-trace',
    'baggage',
    'traceparent',
    'x-datadog-trace-id',
    'x-request-id',
    'apollo-require-preflight',
    'apollographql-client-name',
    'apollographql-client-version',
    'x-apollo-operation-name',
    'x-apollo-operation-id',
    'GraphQL-Preflight',
    'Cache-Control',
  ])('a script of an allowed origin may send %s, that of another may not', async (header) => {
    const asked = { 'access-control-request-headers': header.toLowerCase() };
    const allowed = await preflight(service, path, { ...asked, origin });
    expect([allowed.status, allowed.headers['access-control-allow-origin']]).toEqual([204, origin]);
    expect(listIn(allowed.headers['access-control-allow-headers'])).toContain(header.toLowerCase());
    const foreign = await preflight(service, path, { ...asked, origin: 'https://evil.example' });
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('a header of no known application is not allowed', async () => {
    const { headers } = await preflight(service, path, { origin });
    expect(listIn(headers['access-control-allow-headers'])).not.toContain('x-forwarded-for');
    expect(listIn(headers['access-control-allow-headers'])).not.toContain('*');
  });

  test('a script may read the headers about waiting, pages, challenges and the request', async () => {
    const { headers } = await rawRequest(service.address, ['POST', path], { headers: { origin } });
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(listIn(headers['access-control-expose-headers'])).toEqual([
      'link',
      'retry-after',
      'www-authenticate',
      'x-request-id',
    ]);
  });
});

describe.each([
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
])('%s', (path) => {
  const foreign = { origin: 'https://other.example' };

  test.each([
    ['with allowed origins', () => service],
    ['without', () => closed],
  ])('scripts of every origin may read it, %s', async (_title, serviceOf) => {
    const { status, headers } = await rawRequest(serviceOf().address, ['GET', path], {
      headers: foreign,
    });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': expect.stringMatching(/^public, max-age=\d+$/),
    });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    const asked = await preflight(serviceOf(), path, {
      ...foreign,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'sentry-trace',
    });
    expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([204, '*']);
    expect(listIn(asked.headers['access-control-allow-headers'])).toContain('sentry-trace');
  });

  test('HEAD has the headers of GET, and POST is not allowed', async () => {
    const head = await rawRequest(service.address, ['HEAD', path]);
    expect([head.status, head.text]).toEqual([200, '']);
    const post = await rawRequest(service.address, ['POST', path]);
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, OPTIONS, HEAD']);
  });

  test('another Host is refused', async () => {
    const headers = { host: 'evil.example' };
    expect((await rawRequest(service.address, ['GET', path], { headers })).status).toBe(400);
  });
});

test('without allowed origins every other response has no CORS header', async () => {
  const responses = [
    await rawRequest(closed.address, ['POST', '/graphql'], { headers: { origin } }),
    await preflight(closed, '/graphql', { origin }),
    await preflight(closed, '/nothing', { origin }),
  ];
  for (const { headers } of responses) {
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  }
});
