/** `/forward-auth`: the decision for a proxy, the headers about the caller, and the log. */
import { randomUUID } from 'node:crypto';
import { METHODS } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identityHeaders } from '../../../src/api/oauth/identity-headers.ts';
import type { UserActor } from '../../../src/core/request-context.ts';
import { superuser } from '../../support/administrators.ts';
import { newAddress, somebody, tryLogin } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';
import { logOut } from '../../support/session-calls.ts';

let service: TestService;
let ada: Awaited<ReturnType<typeof somebody>>;

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service, { firstName: 'Zoë, 50%', lastName: '漢字' });
  await grant(ada.userId, {
    permissions: ['shop.view_*', 'shop.add_order'],
    groups: ['Clerks', 'Größe, XL'],
  });
});
afterAll(() => service.close());

async function grant(
  userId: string,
  { permissions, groups }: { readonly permissions: string[]; readonly groups: string[] },
): Promise<void> {
  for (const codename of permissions) {
    await service.database.query(
      `with p as (insert into permissions (id, codename, name) values ($1, $2, $2) returning id)
       insert into user_permissions (user_id, permission_id) select $3, id from p`,
      [randomUUID(), codename, userId],
    );
  }
  for (const name of groups) {
    await service.database.query(
      `with g as (insert into groups (id, name, description) values ($1, $2, '') returning id)
       insert into user_groups (user_id, group_id) select $3, id from g`,
      [randomUUID(), name, userId],
    );
  }
}

const ask = (query = '', headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
  rawRequest(service.address, [method, `/forward-auth${query}`], {
    headers: { authorization: `Bearer ${ada.accessToken}`, ...headers },
  });

describe('the decision', () => {
  test.each([
    ['', 204],
    ['?permission=shop.view_order', 204],
    ['?permission=shop.view_order&permission=shop.add_order', 204],
    ['?group=Clerks', 204],
    ['?group=Clerks&group=Gr%C3%B6%C3%9Fe%2C+XL&permission=shop.add_order', 204],
    ['?permission=shop.delete_order', 403],
    ['?permission=shop.view_order&permission=shop.delete_order', 403],
    ['?group=clerks', 403],
    ['?group=Clerks&group=Nobody', 403],
    ['?group=Clerks&permission=shop.delete_order', 403],
    ['?group=Clerks,Nobody', 403],
  ])('all permissions and groups are required: %s', async (query, status) => {
    expect((await ask(query)).status).toBe(status);
  });

  test.each([
    '?permissions=shop.view_order',
    '?permission[]=shop.view_order',
    '?permission=',
    '?group=Clerks&group=',
    '?group=Clerks&x=1',
    `?permission=${'x'.repeat(151)}`,
    `?${'group=Clerks&'.repeat(21)}`,
    '?permission=shop.view_order%00',
  ])('a requirement that is unknown or malformed is refused: %#', async (query) => {
    const { status, text } = await ask(query);
    expect([status, JSON.parse(text).data.code]).toEqual([400, 'VALIDATION_FAILED']);
  });

  test.each([
    ['no credential', {}, 'Bearer'],
    ['a malformed token', { authorization: 'Bearer x.y.z' }, 'Bearer error="invalid_token"'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'Bearer'],
  ])('%s is 401 with a challenge', async (_title, headers, challenge) => {
    const answer = await rawRequest(service.address, ['GET', '/forward-auth'], { headers });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, challenge]);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('x-user'))).toEqual([]);
  });

  test('a revoked token is refused at once', async () => {
    const other = await somebody(service);
    const headers = { authorization: `Bearer ${other.accessToken}` };
    expect((await ask('', headers)).status).toBe(204);
    await logOut(service, other.accessToken);
    expect((await ask('', headers)).status).toBe(401);
  });

  test('a proxy may pass on the host name of the application, but not several', async () => {
    expect((await ask('', { host: 'app.example' })).status).toBe(204);
  });

  test('a browser that does not accept JSON is answered, HEAD too, and POST is 405', async () => {
    expect((await ask('', { accept: 'text/html' })).status).toBe(204);
    expect((await ask('', {}, 'HEAD')).status).toBe(204);
    const post = await ask('', {}, 'POST');
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

/** Proxies such as Envoy, HAProxy and Traefik with `preserveRequestMethod` pass on the method of the request. */
describe('a proxy that passes on the method of the request', () => {
  const origin = 'https://app.example';
  const preflight = { origin, 'access-control-request-method': 'GET' };
  let withOrigins: TestService;
  beforeAll(async () => {
    withOrigins = await startService({ environment: { CORS_ALLOWED_ORIGINS: origin } });
  });
  afterAll(() => withOrigins.close());

  const methods = METHODS.filter((method) => method !== 'CONNECT');
  const send = (address: string, method: string, headers: Readonly<Record<string, string>>) =>
    rawRequest(address, [method, '/forward-auth?permission=shop.view_order'], { headers });

  test('no method gets a 2xx without a credential', async () => {
    for (const { address } of [service, withOrigins]) {
      for (const method of methods) {
        for (const headers of [{}, { origin }, preflight, { ...preflight, host: 'app.example' }]) {
          const { status } = await send(address, method, headers);
          expect(status, method).toBeGreaterThanOrEqual(400);
        }
      }
    }
  });

  test('only GET and HEAD get a 2xx with a credential', async () => {
    const authorization = `Bearer ${ada.accessToken}`;
    const allowed: string[] = [];
    for (const method of methods) {
      const { status } = await send(service.address, method, { ...preflight, authorization });
      expect([204, 405, 501]).toContain(status);
      if (status === 204) allowed.push(method);
    }
    expect(allowed).toEqual(['GET', 'HEAD']);
  });

  test('a preflight is 405, also with the host name of the application', async () => {
    for (const { address } of [service, withOrigins]) {
      const answer = await send(address, 'OPTIONS', { ...preflight, host: 'app.example' });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
      const names = Object.keys(answer.headers);
      expect(names.filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('the headers about the caller', () => {
  test('names are percent-encoded, and the commas of groups too', async () => {
    const { headers } = await ask('?group=Clerks');
    expect(headers).toMatchObject({
      'x-user-id': ada.userId,
      'x-user-email': ada.email,
      'x-user-email-verified': 'true',
      'x-user-name': 'Zo%C3%AB, 50%25 %E6%BC%A2%E5%AD%97',
      'x-user-groups': 'Clerks,Gr%C3%B6%C3%9Fe%2C XL',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('x-user-groups-omitted');
    const groups = String(headers['x-user-groups']).split(',').map(decodeURIComponent);
    expect(groups).toEqual(['Clerks', 'Größe, XL']);
  });

  test('an address that the user has not confirmed is marked', async () => {
    const admin = await superuser(service);
    const [email, password] = [newAddress(), 'quite a long phrase 77'];
    await service.graphql(
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }',
      { input: { email, password, isActive: true } },
      admin.accessToken,
    );
    const { accessToken } = await tryLogin(service, email, password);
    const { status, headers } = await ask('', { authorization: `Bearer ${accessToken}` });
    expect([status, headers['x-user-email'], headers['x-user-email-verified']]).toEqual([
      ...[204, email, 'false'],
    ]);
  });

  test('headers of the request are ignored', async () => {
    const { headers } = await ask('', { 'x-user-id': 'root', 'x-user-groups': 'Root' });
    expect(headers['x-user-id']).toBe(ada.userId);
    expect(headers['x-user-groups']).not.toContain('Root');
  });

  test('every character becomes printable ASCII, and long lists leave out whole names', () => {
    const groups = Array.from({ length: 200 }, (_, index) => `Group\r\n${index} \u{1f600}`);
    const actor: UserActor = {
      kind: 'user',
      user: {
        ...{ id: 'id', email: 'a%b@example.com', username: null, locale: null },
        ...{ firstName: '\u{1f600}'.repeat(150), lastName: '\u0000\ud800', status: 'ACTIVE' },
        ...{ isStaff: false, isSuperuser: false, pendingEmail: null, emailVerifiedAt: null },
        ...{
          createdAt: new Date(0),
          updatedAt: new Date(0),
          lastLoginAt: null,
          externalId: null,
          metadata: {},
        },
      },
      groups: new Set(groups),
      permissions: new Set(),
      credential: { kind: 'session', id: 'id' },
    };
    const headers = identityHeaders(actor);
    for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]{0,1024}$/);
    expect(headers['x-user-email']).toBe('a%25b@example.com');
    const name = decodeURIComponent(headers['x-user-name'] ?? '');
    expect('\u{1f600}'.repeat(150).startsWith(name)).toBe(true);
    const listed = headers['x-user-groups']?.split(',').map(decodeURIComponent) ?? [];
    expect(listed).toEqual(groups.slice(0, listed.length));
    expect(Number(headers['x-user-groups-omitted'])).toBe(200 - listed.length);
    expect(listed.length).toBeGreaterThan(10);
  });
});

describe('the log', () => {
  const lineOf = (requestId: string | undefined) =>
    service.logLines
      .map((line) => JSON.parse(line))
      .find((line) => line.requestId === requestId && line.msg === 'request completed');

  test('method and path of the original request are logged, without the query, and decide nothing', async () => {
    const secret = 'canary-secret';
    const { status, headers } = await ask('?permission=shop.delete_order', {
      'x-forwarded-method': 'POST',
      'x-forwarded-uri': `/orders/1?token=${secret}`,
    });
    expect(status).toBe(403);
    expect(lineOf(String(headers['x-request-id']))).toMatchObject({
      route: '/forward-auth',
      status: 403,
      forwardedMethod: 'POST',
      forwardedPath: '/orders/1',
    });
    expect(service.logLines.join('')).not.toContain(secret);
    const denial = service.logLines.find((line) => line.includes('"event":"forward-auth"'));
    expect(JSON.parse(denial ?? '{}')).toMatchObject({ outcome: 'refused', code: 'FORBIDDEN' });
  });

  test('a secret in the path is masked, the path stays readable', async () => {
    const { headers } = await ask('', {
      'x-forwarded-uri': `/password/reset/${randomUUID()}/confirm-the-new-password`,
    });
    expect(lineOf(String(headers['x-request-id'])).forwardedPath).toBe(
      '/password/reset/***/confirm-the-new-password',
    );
  });

  test('long and unprintable values are bounded', async () => {
    const { headers } = await ask('', {
      'x-forwarded-method': 'M'.repeat(3000),
      'x-forwarded-uri': `/\u009b31m${'/orders'.repeat(500)}`,
    });
    const line = lineOf(String(headers['x-request-id']));
    expect(line.forwardedMethod).toHaveLength(200);
    expect(line.forwardedPath).toHaveLength(200);
    expect(line.forwardedPath.startsWith('/ 31m')).toBe(true);
  });
});

test('repeated requests need no query', async () => {
  await ask('?permission=shop.view_order&group=Clerks');
  const before = await statements();
  for (let round = 0; round < 20; round += 1) await ask('?permission=shop.view_order&group=Clerks');
  expect(await statements()).toEqual(before);
});

/** Principals that were loaded from the database. */
async function statements(): Promise<string | undefined> {
  const text = await service.app.metrics.text();
  return text.split('\n').find((line) => /principal.*miss/.test(line));
}
