/** The REST table from outside: successes to the letter, refusals in the envelope, tokens, and codes that looking does not use up. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../../src/api/rest/routes.ts';
import { makeGroup, newName, permissionId, superuser } from '../support/administrators.ts';
import type { RestRequest } from '../support/client.ts';
import { factOf } from '../support/mail-server.ts';
import {
  goodPassword,
  type Login,
  newAddress,
  pendingAccount,
  register,
  somebody,
  tryLogin,
  waitingRegistration,
} from '../support/people.ts';
import { rawRequest } from '../support/raw-request.ts';
import { expectRefusal } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
/** Logged in for the whole file; no test ends this session. */
let ada: Login & { readonly email: string };
/** A superuser. */
let root: Login;

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service, { username: 'ada.lovelace' });
  root = await superuser(service);
});
afterAll(() => service.close());

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

const registration = (email = newAddress()) => ({
  email,
  first_name: 'Grace',
  last_name: 'Hopper',
  password: goodPassword,
  password2: goodPassword,
});

type Body = Readonly<Record<string, string>>;

/** One call that the contract promises success for. */
interface Call {
  readonly path?: string;
  readonly body?: Body;
  readonly token?: string;
}

interface Promised {
  readonly call: () => Promise<Call> | Call;
  readonly status: number;
  /** As in §4 of the contract; any sentence where that gives none. */
  readonly message?: string;
  readonly data?: unknown;
}

const tokens = {
  access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  refresh_token: expect.stringMatching(/^[\w-]+$/),
};

/** Uid and token from a mail to somebody new. */
async function resetLink(): Promise<{ uid: string; token: string }> {
  const { email } = await somebody(service);
  await service.rest('POST', '/password/request_change/', { json: { email } });
  const mail = (await service.mail.waitFor(email)).at(-1);
  return { uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
}

const anyId = expect.stringMatching(/^[0-9a-f-]{36}$/);
const anyTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

const userData = (email: unknown) => ({
  id: anyId,
  email,
  username: null,
  first_name: expect.any(String),
  last_name: expect.any(String),
  is_email_verified: expect.any(Boolean),
  is_active: expect.any(Boolean),
  is_staff: false,
  is_superuser: expect.any(Boolean),
  groups: expect.any(Array),
  permissions: expect.any(Array),
  created_at: anyTime,
  updated_at: anyTime,
  last_login: expect.toSatisfy((value) => value === null || /Z$/.test(value)),
});

/** The six rows of one kind of thing under `admin/`. */
function administrationOf(
  plural: string,
  type: string,
  thing: {
    readonly make: () => Promise<string>;
    readonly body: () => Body;
    readonly change: Body;
    readonly data: object;
    readonly created: object;
    readonly changed: object;
  },
): Record<string, Promised> {
  const one = async (body?: Body) => ({
    path: `/admin/${plural}/${await thing.make()}/`,
    token: root.accessToken,
    ...(body ? { body } : {}),
  });
  const change = {
    call: () => one(thing.change),
    status: 200,
    message: `${type} changed`,
    data: { ...thing.data, ...thing.changed },
  };
  return {
    [`GET /admin/${plural}/`]: {
      call: () => ({ token: root.accessToken }),
      status: 200,
      message: `List of ${plural}`,
      data: expect.toSatisfy((list) => list.length > 0),
    },
    [`POST /admin/${plural}/`]: {
      call: () => ({ token: root.accessToken, body: thing.body() }),
      status: 201,
      message: `${type} created`,
      data: { ...thing.data, ...thing.created },
    },
    [`GET /admin/${plural}/:id/`]: {
      call: () => one(),
      status: 200,
      message: type,
      data: thing.data,
    },
    [`PUT /admin/${plural}/:id/`]: change,
    [`PATCH /admin/${plural}/:id/`]: change,
    [`DELETE /admin/${plural}/:id/`]: { call: () => one(), status: 204 },
  };
}

const promised: Readonly<Record<string, Promised>> = {
  ...administrationOf('users', 'User', {
    make: async () => (await somebody(service)).userId,
    body: () => ({ email: newAddress(), first_name: 'Grace', is_active: 'true' }),
    change: { last_name: 'Hopper' },
    data: userData(expect.stringMatching(/^person-/)),
    created: { first_name: 'Grace', is_active: true, last_login: null },
    changed: { last_name: 'Hopper' },
  }),
  ...administrationOf('groups', 'Group', {
    make: () => makeGroup(service, ['shop.view_order']),
    body: () => ({ name: newName(), description: 'Of the shop' }),
    change: { description: 'Of another shop' },
    data: { id: anyId, name: expect.any(String), description: '', permissions: [anyId] },
    created: { description: 'Of the shop', permissions: [] },
    changed: { description: 'Of another shop' },
  }),
  ...administrationOf('permissions', 'Permission', {
    make: () => permissionId(service, `shop.${newName()}`),
    body: () => ({ codename: `shop.${newName()}`, name: 'Can shop' }),
    change: { name: 'Can shop everywhere' },
    data: { id: anyId, codename: expect.stringMatching(/^shop\./), name: expect.any(String) },
    created: { name: 'Can shop' },
    changed: { name: 'Can shop everywhere' },
  }),
  'POST /admin/users/:id/password_reset/': {
    call: async () => ({
      path: `/admin/users/${(await somebody(service)).userId}/password_reset/`,
      token: root.accessToken,
    }),
    status: 200,
    message: 'Password reset sent',
    data: {},
  },
  'POST /admin/users/:id/revoke_sessions/': {
    call: async () => ({
      path: `/admin/users/${(await somebody(service)).userId}/revoke_sessions/`,
      token: root.accessToken,
    }),
    status: 200,
    message: 'Sessions revoked',
    data: {},
  },
  'POST /admin/users/:id/invite/': {
    call: async () => ({
      path: `/admin/users/${(await pendingAccount(service)).userId}/invite/`,
      token: root.accessToken,
    }),
    status: 200,
    message: 'Invitation sent',
    data: {},
  },
  'GET /admin/registrations/': {
    call: async () => {
      await waitingRegistration(service);
      return { token: root.accessToken };
    },
    status: 200,
    message: 'List of registrations',
    data: expect.toSatisfy((list) => list.length > 0),
  },
  'GET /admin/registrations/:id/': {
    call: async () => ({
      path: `/admin/registrations/${await waitingRegistration(service)}/`,
      token: root.accessToken,
    }),
    status: 200,
    message: 'Registration',
    data: {
      id: anyId,
      email: expect.any(String),
      first_name: 'Ada',
      last_name: 'Lovelace',
      created_at: anyTime,
      expires_at: anyTime,
    },
  },
  'DELETE /admin/registrations/:id/': {
    call: async () => ({
      path: `/admin/registrations/${await waitingRegistration(service)}/`,
      token: root.accessToken,
    }),
    status: 204,
  },
  'POST /admin/registrations/:id/confirm/': {
    call: async () => ({
      path: `/admin/registrations/${await waitingRegistration(service)}/confirm/`,
      token: root.accessToken,
    }),
    status: 200,
    message: 'Registration confirmed',
    data: { ...userData(expect.any(String)), is_active: true },
  },
  'POST /register/': {
    call: () => ({ body: registration() }),
    status: 201,
    message: 'Registration successful',
    data: {},
  },
  'POST /register/resend_email_verify/': {
    call: () => ({ body: { email: newAddress() } }),
    status: 200,
    message: 'Verification email sent successfully',
    data: {},
  },
  'GET /register/verify/': {
    call: async () => ({ path: `/register/verify/?code=${(await register(service)).code}` }),
    status: 200,
    message: 'Email Verification Successful',
    data: {},
  },
  'POST /login/': {
    call: () => ({ body: { email: ada.email, password: goodPassword } }),
    status: 200,
    data: tokens,
  },
  'POST /token/refresh/': {
    call: async () => {
      const { refreshToken } = await tryLogin(service, ada.email);
      return { body: { refresh_token: refreshToken } };
    },
    status: 200,
    data: tokens,
  },
  'DELETE /logout/': {
    call: async () => ({ token: (await somebody(service)).accessToken }),
    status: 204,
  },
  'POST /logout/': {
    call: async () => {
      const { accessToken, refreshToken } = await tryLogin(service, ada.email);
      return { body: { refresh_token: refreshToken }, token: accessToken };
    },
    status: 204,
  },
  'GET /profile/view/': {
    call: () => ({ token: ada.accessToken }),
    status: 200,
    data: {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: expect.stringMatching(/^person-/),
      username: 'ada.lovelace',
      first_name: 'Ada',
      last_name: 'Lovelace',
      full_name: 'Ada Lovelace',
      is_email_verified: true,
      is_active: true,
      is_staff: false,
      is_superuser: false,
      pending_email: null,
      locale: 'en',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      updated_at: expect.stringMatching(/Z$/),
      last_login: expect.stringMatching(/Z$/),
    },
  },
  'PUT /profile/update/': {
    call: () => ({ body: { last_name: 'Lovelace' }, token: ada.accessToken }),
    status: 200,
    message: 'User data modified successfully',
    data: expect.objectContaining({ full_name: 'Ada Lovelace' }),
  },
  'DELETE /profile/delete/': {
    call: async () => {
      const { email, accessToken } = await somebody(service);
      return { body: { email, password: goodPassword }, token: accessToken };
    },
    status: 204,
  },
  'POST /password/request_change/': {
    call: () => ({ body: { email: newAddress() } }),
    status: 200,
    message: "We've sent you a link to reset your password",
    data: {},
  },
  'GET /password/verify/:uidb64/:token/': {
    call: async () => {
      const { uid, token } = await resetLink();
      return { path: `/password/verify/${uid}/${token}/` };
    },
    status: 200,
    message: 'Valid codes',
    data: {},
  },
  'PUT /password/reset/': {
    call: async () => {
      const { uid, token } = await resetLink();
      const password = 'an entirely new passphrase';
      return { body: { uidb64: uid, token, password, password2: password } };
    },
    status: 200,
    message: 'Password reset successfully',
    data: {},
  },
  'GET /profile/has_group/:group/': {
    call: () => ({ path: '/profile/has_group/Root/', token: ada.accessToken }),
    status: 200,
    data: { has_group: false },
  },
  'GET /profile/has_permission/:permission/': {
    call: () => ({ path: '/profile/has_permission/users.view_user/', token: ada.accessToken }),
    status: 200,
    data: { has_permission: false },
  },
};

const restNames = restRoutes.map(({ method, path }) => `${method} ${path}`);

describe('success', () => {
  test('every row of the table is driven here', () => {
    expect(Object.keys(promised).sort()).toEqual([...restNames].sort());
  });

  /** Methods that have no body ignore how one would be written. */
  const encodings = ['json', 'form'] as const;
  const slashes = ['with its final slash', 'without its final slash'] as const;
  const variants = Object.entries(promised).flatMap(([row, promise]) =>
    slashes.flatMap((slash) =>
      (row.startsWith('GET') ? (['json'] as const) : encodings).map((encoding) => ({
        ...promise,
        row,
        slash,
        encoding,
      })),
    ),
  );

  test.each(variants)('$row $slash ($encoding) answers $status $message', async (variant) => {
    const [method = '', rowPath = ''] = variant.row.split(' ');
    const { path = rowPath, body, token } = await variant.call();
    const sent = variant.slash.startsWith('without') ? path.replace(/\/(?=$|\?)/, '') : path;
    const answer = await service.rest(method, sent, { token, ...encoded(variant.encoding, body) });
    expect(answer.status, answer.text).toBe(variant.status);
    if (variant.status === 204) {
      expect(answer.text).toBe('');
      return;
    }
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.body).toEqual({
      message: variant.message ?? expect.stringMatching(/\w/),
      data: variant.data,
    });
  });
});

function encoded(encoding: 'json' | 'form', body: Body | undefined): RestRequest {
  if (body === undefined) return {};
  return encoding === 'json' ? { json: body } : { form: new URLSearchParams(body).toString() };
}

test('a whole life over REST: register, verify, log in, look, log out', async () => {
  const { email } = registration();
  await service.rest('POST', '/register/', { json: registration(email) });
  const [mail] = await service.mail.waitFor(email);
  await service.rest('GET', `/register/verify?code=${factOf(mail, 'Code')}`);
  const login = await service.rest('POST', '/login/', { json: { email, password: goodPassword } });
  const token = login.body.data.access_token;
  const view = await service.rest('GET', '/profile/view/', { token });
  expect(view.body.data).toMatchObject({ email, full_name: 'Grace Hopper' });
  expect((await service.rest('POST', '/logout/', { token })).status).toBe(204);
  expectRefusal(await service.rest('GET', '/profile/view/', { token }), 'UNAUTHENTICATED');
});

test('membership and permissions are answered by exact name', async () => {
  const { accessToken: token, userId } = await somebody(service);
  await service.database.query(
    `with g as (insert into groups (id, name) values (gen_random_uuid(), 'Ops / Überwachung') returning id)
     insert into user_groups (user_id, group_id) select $1, id from g`,
    [userId],
  );
  const has = async (kind: string, name: string) =>
    (await service.rest('GET', `/profile/has_${kind}/${encodeURIComponent(name)}/`, { token })).body
      .data[`has_${kind}`];
  expect(await has('group', 'Ops / Überwachung')).toBe(true);
  expect(await has('group', 'ops / überwachung')).toBe(false);
  expect(await has('group', 'Root')).toBe(false);
  await service.database.query('update users set is_superuser = true where id = $1', [userId]);
  expect(await has('permission', 'anything.at_all')).toBe(true);
});

describe('refusals', () => {
  const bad: readonly (readonly [string, Body, readonly string[]])[] = [
    ['nothing', {}, ['email', 'first_name', 'last_name', 'password']],
    ['a bad address', { ...registration(), email: 'nobody' }, ['email']],
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
    ['a bad username', { ...registration(), username: 'a@b' }, ['username']],
    ['a taken username', { ...registration(), username: 'ADA.Lovelace' }, ['username']],
    [
      'all of it',
      { email: '@', first_name: '', last_name: '<', password: 'x', password2: 'y', username: '-' },
      ['email', 'first_name', 'last_name', 'password', 'password2', 'username'],
    ],
  ];

  test.each(bad)(
    'registering with %s names the fields as REST does',
    async (_what, body, fields) => {
      const answer = await service.rest('POST', '/register/', { json: body });
      expect(answer.body.data.fields.map(({ path }: { path: string }) => path).sort()).toEqual(
        fields,
      );
      expectRefusal(
        answer,
        'VALIDATION_FAILED',
        answer.body.data.fields.map(({ path }: { path: string }) => path),
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

  test('a code that is missing is VALIDATION_FAILED, a wrong or used one INVALID_CODE', async () => {
    const verify = (query: string) => service.rest('GET', `/register/verify/${query}`);
    expectRefusal(await verify(''), 'VALIDATION_FAILED', ['code']);
    expectRefusal(await verify('?code='), 'VALIDATION_FAILED', ['code']);
    expectRefusal(await verify('?code=a&code=b'), 'VALIDATION_FAILED', ['code']);
    expectRefusal(await verify('?code=AAAAAAAAAAAAAAAAAAAAAA'), 'INVALID_CODE');
    const { code } = await register(service);
    expect((await verify(`?code=${code}`)).status).toBe(200);
    expectRefusal(await verify(`?code=${code}`), 'INVALID_CODE');
  });

  test('logging in is refused as the catalogue says', async () => {
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

  test("a refresh token that is not the caller's ends nothing", async () => {
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
  ])('%s names its input as REST does', async (name, field) => {
    for (const value of ['%20', 'a%00b', 'x'.repeat(200)]) {
      const answer = await service.rest('GET', `/profile/${name}/${value}/`, {
        token: ada.accessToken,
      });
      expectRefusal(answer, 'VALIDATION_FAILED', [field]);
    }
  });
});

describe('bearer tokens', () => {
  const guarded = restRoutes
    .filter(({ needsToken }) => needsToken)
    .map(({ method, path }) => ({ method, path: path.replace(/:\w+/, 'x') }));

  test.each(guarded)('$method $path wants a token, a good one', async ({ method, path }) => {
    const missing = await service.rest(method, path);
    expectRefusal(missing, 'UNAUTHENTICATED');
    expect(missing.headers.get('www-authenticate')).toBe('Bearer');
    for (const token of ['', 'x', 'a.b.c', `${ada.accessToken}x`, ada.refreshToken]) {
      const answer = await service.rest(method, path, { token });
      expectRefusal(answer, 'UNAUTHENTICATED');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    }
  });

  test('another scheme counts as no token (RFC 6750 §3.1)', async () => {
    const answer = await service.rest('GET', '/profile/view/', {
      headers: { authorization: 'Basic YWRhOmFkYQ==' },
    });
    expectRefusal(answer, 'UNAUTHENTICATED');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('the scheme is read whatever its case', async () => {
    const headers = { authorization: `bEARER  ${ada.accessToken}` };
    expect((await service.rest('GET', '/profile/view/', { headers })).status).toBe(200);
  });

  test('a revoked token is refused at once, and the sibling session lives', async () => {
    const [one, two] = [await tryLogin(service, ada.email), await tryLogin(service, ada.email)];
    await service.rest('POST', '/logout/', { token: one.accessToken });
    const answer = await service.rest('GET', '/profile/view/', { token: one.accessToken });
    expectRefusal(answer, 'UNAUTHENTICATED');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    const sibling = await service.rest('GET', '/profile/view/', { token: two.accessToken });
    expect(sibling.status).toBe(200);
  });

  test('a token in the address or the body is no token', async () => {
    const query = `?access_token=${ada.accessToken}&token=${ada.accessToken}`;
    expectRefusal(await service.rest('GET', `/profile/view/${query}`), 'UNAUTHENTICATED');
    const json = { access_token: ada.accessToken, refresh_token: ada.refreshToken };
    expectRefusal(await service.rest('POST', '/logout/', { json }), 'UNAUTHENTICATED');
    expect(service.logLines.join('')).not.toContain(ada.accessToken);
  });
});

describe('looking at a code does not use it up', () => {
  const looks: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ['HEAD', 'HEAD', {}],
    ['HEAD for a page', 'HEAD', html],
    ['GET for a page', 'GET', html],
    ['GET with Purpose: prefetch', 'GET', { purpose: 'prefetch' }],
    ['GET with Sec-Purpose: prefetch;prerender', 'GET', { 'sec-purpose': 'prefetch;prerender' }],
  ];

  test.each(looks)('%s', async (_name, method, headers) => {
    const { code, email } = await register(service);
    for (const base of ['/auth/register/verify', '/auth/register/verify/', '/verify-email']) {
      if (base === '/verify-email' && method === 'HEAD') continue;
      for (let round = 0; round < 3; round += 1) {
        const look = await rawRequest(service.address, [method, `${base}?code=${code}`], {
          headers,
        });
        expect(look.status).toBe(200);
        expect(look.headers['cache-control']).toBe('no-store');
      }
    }
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect((await service.rest('GET', `/register/verify?code=${code}`)).status).toBe(200);
  });

  test.each(['/auth/register/verify', '/verify-email'])(
    'a browser at %s gets a page whose button confirms the address, once',
    async (path) => {
      const { code, email } = await register(service);
      const page = await fetch(`${service.address}${path}?code=${code}`, { headers: html });
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(page.headers.get('content-security-policy')).toContain("form-action 'self'");
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      const pressed = await pressButton(page.url, await page.text());
      expect(pressed.status).toBe(200);
      expect(await pressed.text()).toContain('Address confirmed');
      expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
      const again = await pressButton(
        page.url,
        `<form method="post" action="/verify-email">
        <input type="hidden" name="code" value="${code}">`,
      );
      expect(again.status).toBe(400);
      expect(await again.text()).not.toContain(code);
    },
  );

  test('a code is escaped on the page and never on the page of a failure', async () => {
    const evil = '"><script>alert(1)</script>';
    const query = new URLSearchParams({ code: evil }).toString();
    const page = await fetch(`${service.address}/verify-email?${query}`, { headers: html });
    expect(await page.text()).not.toContain('<script');
    const pressed = await fetch(`${service.address}/verify-email`, {
      method: 'POST',
      body: new URLSearchParams({ code: evil }),
    });
    expect(pressed.status).toBe(400);
    expect(await pressed.text()).not.toMatch(/alert|script/);
  });
});

/** Sends the page's form as a browser would. */
function pressButton(pageUrl: string, page: string): Promise<Response> {
  const action = /<form method="post" action="([^"]+)"/.exec(page)?.[1];
  const value = /<input type="hidden" name="code" value="([^"]+)"/.exec(page)?.[1];
  if (action === undefined || value === undefined) throw new Error(`no form in: ${page}`);
  return fetch(new URL(action, pageUrl), {
    method: 'POST',
    headers: html,
    body: new URLSearchParams({ code: value, password: goodPassword }),
  });
}
