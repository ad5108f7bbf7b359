/** REST errors in the common format, and bearer tokens. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../../src/api/rest/routes.ts';
import {
  goodPassword,
  type Login,
  newAddress,
  pendingAccount,
  register,
  somebody,
  tryLogin,
} from '../support/people.ts';
import { expectRefusal } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
/** Logged in for the whole file; no test revokes this session. */
let ada: Login & { readonly email: string };

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service, { username: 'ada.lovelace' });
});
afterAll(() => service.close());

const registration = (email = newAddress()) => ({
  email,
  first_name: 'Grace',
  last_name: 'Hopper',
  password: goodPassword,
  password2: goodPassword,
});

type Body = Readonly<Record<string, string>>;

describe('errors', () => {
  const bad: readonly (readonly [string, Body, readonly string[]])[] = [
    ['nothing', {}, ['email', 'first_name', 'last_name', 'password']],
    ['an invalid address', { ...registration(), email: 'nobody' }, ['email']],
    ['a blank first name', { ...registration(), first_name: ' ' }, ['first_name']],
    [
      'a link for a last name',
      { ...registration(), last_name: 'http://evil.example' },
      ['last_name'],
    ],
    [
      'a short password',
      { ...registration(), password: 'short', password2: 'short' },
      ['password'],
    ],
    ['two passwords', { ...registration(), password2: 'something else' }, ['password2']],
    ['an invalid username', { ...registration(), username: 'a@b' }, ['username']],
    ['a taken username', { ...registration(), username: 'ADA.Lovelace' }, ['username']],
    [
      'all of these',
      { email: '@', first_name: '', last_name: '<', password: 'x', password2: 'y', username: '-' },
      ['email', 'first_name', 'last_name', 'password', 'password2', 'username'],
    ],
  ];

  test.each(bad)(
    'registering with %s names the fields in snake_case',
    async (_what, body, fields) => {
      const response = await service.rest('POST', '/register/', { json: body });
      expect(response.body.data.fields.map(({ path }: { path: string }) => path).sort()).toEqual(
        fields,
      );
      expectRefusal(
        response,
        'VALIDATION_FAILED',
        response.body.data.fields.map(({ path }: { path: string }) => path),
      );
    },
  );

  test.each(['/register/resend_email_verify/', '/login/'])(
    'POST %s names each missing input',
    async (path) => {
      const fields = path === '/login/' ? ['email', 'password'] : ['email'];
      for (const request of [{ json: {} }, { form: '' }, {}]) {
        expectRefusal(await service.rest('POST', path, request), 'VALIDATION_FAILED', fields);
      }
    },
  );

  test('a missing code is VALIDATION_FAILED, a wrong or used one INVALID_CODE', async () => {
    const verify = (query: string) => service.rest('GET', `/register/verify/${query}`);
    expectRefusal(await verify(''), 'VALIDATION_FAILED', ['code']);
    expectRefusal(await verify('?code='), 'VALIDATION_FAILED', ['code']);
    expectRefusal(await verify('?code=a&code=b'), 'VALIDATION_FAILED', ['code']);
    expectRefusal(await verify('?code=AAAAAAAAAAAAAAAAAAAAAA'), 'INVALID_CODE');
    const { code } = await register(service);
    expect((await verify(`?code=${code}`)).status).toBe(200);
    expectRefusal(await verify(`?code=${code}`), 'INVALID_CODE');
  });

  test('a failed login has the code and sentence of the catalogue', async () => {
    const login = (email: string, password: string) =>
      service.rest('POST', '/login/', { json: { email, password } });
    expectRefusal(await login(ada.email, 'not the password'), 'INVALID_CREDENTIALS');
    const { email } = await pendingAccount(service);
    expectRefusal(await login(email, goodPassword), 'ACCOUNT_NOT_ACTIVE');
    const unconfirmed = await register(service);
    expectRefusal(await login(unconfirmed.email, goodPassword), 'INVALID_CREDENTIALS');
    expectRefusal(await login(email, 'not the password'), 'INVALID_CREDENTIALS');
    expectRefusal(await login('', ''), 'VALIDATION_FAILED', ['email', 'password']);
  });

  test('a refresh token of another user revokes nothing', async () => {
    const [other, { accessToken: token }] = [
      await somebody(service),
      await tryLogin(service, ada.email),
    ];
    const logout = (refresh_token: string) =>
      service.rest('POST', '/logout/', { json: { refresh_token }, token });
    expectRefusal(await logout(other.refreshToken), 'INVALID_TOKEN');
    expectRefusal(await logout('nonsense'), 'INVALID_TOKEN');
    expectRefusal(await logout(''), 'VALIDATION_FAILED', ['refresh_token']);
    for (const alive of [token, other.accessToken]) {
      expect((await service.rest('GET', '/profile/view/', { token: alive })).status).toBe(200);
    }
  });

  test.each([
    ['has_group', 'group'],
    ['has_permission', 'permission'],
  ])('%s names its input in the error', async (name, field) => {
    for (const value of ['%20', 'a%00b', 'x'.repeat(200)]) {
      const response = await service.rest('GET', `/profile/${name}/${value}/`, {
        token: ada.accessToken,
      });
      expectRefusal(response, 'VALIDATION_FAILED', [field]);
    }
  });
});

describe('bearer tokens', () => {
  const guarded = restRoutes
    .filter(({ needsToken }) => needsToken)
    .map(({ method, path }) => ({ method, path: path.replace(/:\w+/, 'x') }));

  test.each(guarded)('$method $path needs a valid token', async ({ method, path }) => {
    const missing = await service.rest(method, path);
    expectRefusal(missing, 'UNAUTHENTICATED');
    expect(missing.headers.get('www-authenticate')).toBe('Bearer');
    for (const token of ['', 'x', 'a.b.c', `${ada.accessToken}x`, ada.refreshToken]) {
      const response = await service.rest(method, path, { token });
      expectRefusal(response, 'UNAUTHENTICATED');
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    }
  });

  test('another scheme counts as no token (RFC 6750 §3.1)', async () => {
    const response = await service.rest('GET', '/profile/view/', {
      headers: { authorization: 'Basic YWRhOmFkYQ==' },
    });
    expectRefusal(response, 'UNAUTHENTICATED');
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('the scheme is case-insensitive', async () => {
    const headers = { authorization: `bEARER  ${ada.accessToken}` };
    expect((await service.rest('GET', '/profile/view/', { headers })).status).toBe(200);
  });

  test('a revoked token is refused at once, and another session of the user stays valid', async () => {
    const [one, two] = [await tryLogin(service, ada.email), await tryLogin(service, ada.email)];
    await service.rest('POST', '/logout/', { token: one.accessToken });
    const response = await service.rest('GET', '/profile/view/', { token: one.accessToken });
    expectRefusal(response, 'UNAUTHENTICATED');
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    const sibling = await service.rest('GET', '/profile/view/', { token: two.accessToken });
    expect(sibling.status).toBe(200);
  });

  test('a token in the URL or the body is ignored', async () => {
    const query = `?access_token=${ada.accessToken}&token=${ada.accessToken}`;
    expectRefusal(await service.rest('GET', `/profile/view/${query}`), 'UNAUTHENTICATED');
    const json = { access_token: ada.accessToken, refresh_token: ada.refreshToken };
    expectRefusal(await service.rest('POST', '/logout/', { json }), 'UNAUTHENTICATED');
    expect(service.logLines.join('')).not.toContain(ada.accessToken);
  });
});
