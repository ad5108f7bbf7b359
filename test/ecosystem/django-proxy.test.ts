/**
 * Django and Gatehouse behind nginx with `deploy/nginx/migration.conf`, in all phases of docs/migrating-from-django.md.
 * The programs are those of Debian. Without them the tests are skipped.
 */
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRun } from '../support/debian.ts';
import { createDjango, type Django, hasDjango } from '../support/django.ts';
import { type MigrationNginx, startMigrationNginx } from '../support/nginx.ts';
import { goodPassword, insertAccount, newAddress } from '../support/people.ts';
import { type RawAnswer, rawRequest } from '../support/raw-request.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const hasNginx = process.platform === 'linux' && canRun('nginx', 'nginx-light');
if (!hasNginx) console.warn('skipped: nginx is not there and cannot be installed');

const email = 'ada@example.com';
const profile = { first_name: 'Ada', last_name: 'Lovelace' };
const publicHost = 'auth.example.com';
const unmovedHost = 'auth-old.example.com';

describe.skipIf(!hasNginx || !hasDjango())('nginx with migration.conf', { timeout: 60_000 }, () => {
  let django: Django;
  let service: TestService;
  let nginx: MigrationNginx;

  beforeAll(async () => {
    service = await startService({
      environment: {
        TRUST_PROXY: '1',
        PUBLIC_URL: `https://${publicHost}`,
        ALLOWED_HOSTS: `${publicHost},${unmovedHost}`,
      },
    });
    await insertAccount(service, { email, password: goodPassword });
    const person = { email, password: goodPassword, is_active: true, ...profile };
    django = await createDjango({ people: [person] });
    nginx = await startMigrationNginx({
      django: String(await django.serve()),
      gatehouse: String((service.server.address() as AddressInfo).port), // listens on TCP
    });
  }, 120_000);
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]();
    await django?.[Symbol.asyncDispose]();
    await service?.close();
  });

  interface Call {
    readonly host?: string;
    readonly token?: string | undefined;
    readonly json?: object;
  }

  const call = (
    line: string,
    { host = publicHost, token, json }: Call = {},
  ): Promise<RawAnswer> => {
    const [method = '', path = ''] = line.split(' ');
    return rawRequest(`http://127.0.0.1:${nginx.port}`, [method, path], {
      headers: {
        host,
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  };

  /** The access token of a login, with its algorithm. */
  const logIn = async (options: Call = {}) => {
    const answer = await call('POST /auth/login/', {
      json: { email, password: goodPassword },
      ...options,
    });
    expect(answer.status).toBe(200);
    const token: string = JSON.parse(answer.text).data.access_token;
    const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString();
    return { token, algorithm: JSON.parse(header).alg as unknown };
  };

  const isRefused = ({ status, headers, text }: RawAnswer) =>
    status === 503 &&
    headers['retry-after'] === '60' &&
    JSON.parse(text).data.code === 'OVERLOADED';

  const registration = () => ({ ...profile, email: newAddress(), password: goodPassword });

  /** Registrations at Gatehouse. */
  const registered = async () => {
    const [row] = await service.database.query<{ count: string }>(
      'select count(*) from registrations',
    );
    return Number(row?.count);
  };

  test('first Django answers everything', async () => {
    const { token, algorithm } = await logIn();
    expect(algorithm).toBe('HS256');
    const view = await call('GET /auth/profile/view/', { token });
    expect([view.status, JSON.parse(view.text).data.email]).toEqual([200, email]);
    const update = { first_name: 'Augusta' };
    expect((await call('PUT /auth/profile/update/', { token, json: update })).status).toBe(200);
    expect((await call('POST /auth/register/', { json: registration() })).status).toBe(201);
    expect((await call('GET /health/live')).status).toBe(404);
    expect(await registered()).toBe(0);
  });

  test('while accounts are frozen, users log in, read and log out at Django, and no account changes', async () => {
    await nginx.setPhase('frozen');
    const { token, algorithm } = await logIn();
    expect(algorithm).toBe('HS256');
    expect((await call('GET /auth/profile/view/', { token })).status).toBe(200);
    expect((await call('POST /auth/logout/', { token, json: {} })).status).toBe(204);
    for (const line of [
      'POST /auth/register/',
      'POST /auth/register/resend_email_verify/',
      'GET /auth/register/verify?code=123456',
      'PUT /auth/profile/update/',
      'PATCH /auth/profile/view/',
      'DELETE /auth/profile/delete/',
      'POST /auth/password/request_change/',
      'GET /auth/password/verify/MQ/abc-def/',
      'PUT /auth/password/reset/',
      'GET /auth/admin/users/',
      'POST /auth/admin/users/',
      'POST /admin/login/',
      'POST /graphql',
    ]) {
      const answer = await call(line, { token, json: profile });
      expect([line, isRefused(answer)]).toEqual([line, true]);
    }
  });

  test('other spellings of a path do not reach Django while accounts are frozen', async () => {
    const { token } = await logIn();
    for (const path of [
      '/auth/register/verify?code=1',
      '/auth/register/verify/?code=1',
      '/auth//register/verify?code=1',
      '//auth/register/verify?code=1',
      '/auth/register/%76erify?code=1',
      '/auth/%72egister/verify?code=1',
      '/auth/profile/../register/verify?code=1',
      '/auth/profile/%2e%2e/register/verify?code=1',
      '/auth/profile/view/..%2f..%2fregister/verify?code=1',
      '/auth/register/./verify?code=1',
      '/auth/register/verify#/auth/profile/view/',
      '/auth/register/verify;/../../profile/view/?code=1',
    ]) {
      const { status, text } = await call(`GET ${path}`, { token });
      expect([path, status, text.includes('Successful')]).toEqual([path, status, false]);
      expect([400, 404, 503]).toContain(status);
    }
  });

  test('an old client with an old token and a new client use the same address in the same minute', async () => {
    await nginx.setPhase('frozen');
    const old = await logIn();
    await nginx.setPhase('gatehouse');
    const moved = await logIn();
    expect([old.algorithm, moved.algorithm]).toEqual(['HS256', 'ES256']);
    const names = await Promise.all(
      [old, moved, old, moved].map(async ({ token }) => {
        const { status, text } = await call('GET /auth/profile/view/', { token });
        return [status, JSON.parse(text).data.full_name];
      }),
    );
    // The first test changed the name at Django only.
    const [atDjango, atGatehouse] = ['Augusta Lovelace', 'Ada Lovelace'].map((name) => [200, name]);
    expect(names).toEqual([atDjango, atGatehouse, atDjango, atGatehouse]);
    const view = 'GET /auth/profile/view/ 200';
    const [first, second] = [`${view} django old moved`, `${view} gatehouse new moved`];
    await nginx.waitForLog([first, first, second, second]);
  });

  test('at Gatehouse an old token is good for reads and logout, and a change needs another login', async () => {
    await nginx.setPhase('frozen');
    const { token } = await logIn();
    await nginx.setPhase('gatehouse');
    for (const line of [
      'PUT /auth/profile/update/',
      'GET /auth/admin/users/',
      'GET /auth/api_keys/',
    ]) {
      const { status, headers } = await call(line, { token, json: { first_name: 'Countess' } });
      expect([line, status]).toEqual([line, 401]);
      expect(headers['www-authenticate']).toContain('Bearer');
    }
    // A client may send its old token with these.
    const moved = await logIn({ token });
    expect(moved.algorithm).toBe('ES256');
    expect((await call('POST /auth/register/', { token, json: registration() })).status).toBe(201);
    expect(await registered()).toBe(1);
    const change = { token: moved.token, json: { first_name: 'Countess' } };
    expect((await call('PUT /auth/profile/update/', change)).status).toBe(200);
    expect((await call('POST /auth/logout/', { token, json: {} })).status).toBe(204);
    expect((await call('POST /auth/logout/', { token: moved.token, json: {} })).status).toBe(204);
    expect((await call('GET /auth/profile/view/', { token: moved.token })).status).toBe(401);
  });

  test('a client that has not moved logs in and reads at Django, and registers at Gatehouse', async () => {
    await nginx.setPhase('gatehouse');
    const host = unmovedHost;
    const { token, algorithm } = await logIn({ host });
    expect(algorithm).toBe('HS256');
    expect((await logIn({ host, token })).algorithm).toBe('HS256');
    expect((await call('GET /auth/profile/view/', { host, token })).status).toBe(200);
    const change = { host, token, json: { first_name: 'Countess' } };
    expect(isRefused(await call('PUT /auth/profile/update/', change))).toBe(true);
    await nginx.waitForLog(['PUT /auth/profile/update/ 503 refused old unmoved']);
    const before = await registered();
    const { status } = await call('POST /auth/register/', { host, token, json: registration() });
    expect([status, await registered()]).toEqual([201, before + 1]);
    expect((await call('POST /auth/logout/', { host, token, json: {} })).status).toBe(204);
    // The same account at the other host name, in the same minute.
    expect((await logIn()).algorithm).toBe('ES256');
  });

  test('no request fails while nginx changes the phase', async () => {
    await nginx.setPhase('frozen');
    const algorithms = new Set<unknown>();
    const clients = Array.from({ length: 4 }, async () => {
      while (!algorithms.has('ES256')) algorithms.add((await logIn()).algorithm);
    });
    await until(() => algorithms.size > 0);
    await nginx.setPhase('gatehouse');
    await Promise.all(clients);
    expect([...algorithms]).toEqual(['HS256', 'ES256']);
  });

  test('on the way back a token of Gatehouse ends, and the user logs in at Django', async () => {
    await nginx.setPhase('gatehouse');
    const { token } = await logIn();
    await nginx.setPhase('frozen');
    await nginx.setPhase('django');
    expect((await call('GET /auth/profile/view/', { token })).status).toBe(401);
    const { algorithm, token: again } = await logIn();
    expect(algorithm).toBe('HS256');
    expect((await call('GET /auth/profile/view/', { token: again })).status).toBe(200);
  });
});
