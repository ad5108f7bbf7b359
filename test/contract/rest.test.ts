/** REST routes: every documented success, as the OpenAPI document describes it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../../src/api/rest/routes.ts';
import { makeGroup, newName, permissionId, superuser } from '../support/administrators.ts';
import type { RestRequest } from '../support/client.ts';
import { type DescribedApi, readDescribedApi } from '../support/described-api.ts';
import { factOf } from '../support/mail-server.ts';
import {
  goodPassword,
  type Login,
  newAddress,
  pendingAccount,
  pendingRegistration,
  register,
  somebody,
  tryLogin,
} from '../support/people.ts';
import { expectRefusal } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
/** Logged in for the whole file; no test revokes this session. */
let ada: Login & { readonly email: string };
/** A superuser. */
let root: Login;
let api: DescribedApi;

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service, { username: 'ada.lovelace' });
  root = await superuser(service);
  api = await readDescribedApi(service.address);
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

/** One call with a documented success. */
interface Call {
  readonly path?: string;
  readonly body?: Body;
  readonly token?: string;
}

interface Promised {
  readonly call: () => Promise<Call> | Call;
  readonly status: number;
  /** The documented sentence; any sentence where none is documented. */
  readonly message?: string;
  readonly data?: unknown;
}

const tokens = {
  access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  expires_in: expect.toSatisfy((seconds) => seconds > 280 && seconds <= 300),
  refresh_token: expect.stringMatching(/^[\w-]+$/),
};

/** Uid and token of a mail to a new account. */
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
  external_id: null,
  metadata: {},
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

/** The id of an object that the superuser has created at a path, with a name only. */
async function created(path: string): Promise<string> {
  const { accessToken: token } = root;
  const { body } = await service.rest('POST', path, { json: { name: newName() }, token });
  return body.data.id;
}

/** The six routes of one kind of resource below `admin/`. */
function administrationOf(
  plural: string,
  type: string,
  resource: {
    readonly create: () => Promise<string>;
    readonly body: () => Body;
    readonly change: Body;
    readonly data: object;
    readonly created: object;
    readonly changed: object;
  },
): Record<string, Promised> {
  const one = async (body?: Body) => ({
    path: `/admin/${plural}/${await resource.create()}/`,
    token: root.accessToken,
    ...(body ? { body } : {}),
  });
  const change = {
    call: () => one(resource.change),
    status: 200,
    message: `${type} changed`,
    data: { ...resource.data, ...resource.changed },
  };
  return {
    [`GET /admin/${plural}/`]: {
      call: async () => {
        await resource.create();
        return { token: root.accessToken };
      },
      status: 200,
      message: `List of ${plural.replace('_', ' ')}`,
      data: expect.toSatisfy((list) => list.length > 0),
    },
    [`POST /admin/${plural}/`]: {
      call: () => ({ token: root.accessToken, body: resource.body() }),
      status: 201,
      message: `${type} created`,
      data: { ...resource.data, ...resource.created },
    },
    [`GET /admin/${plural}/:id/`]: {
      call: () => one(),
      status: 200,
      message: type,
      data: resource.data,
    },
    [`PUT /admin/${plural}/:id/`]: change,
    [`PATCH /admin/${plural}/:id/`]: change,
    [`DELETE /admin/${plural}/:id/`]: { call: () => one(), status: 204 },
  };
}

const promised: Readonly<Record<string, Promised>> = {
  ...administrationOf('users', 'User', {
    create: async () => (await somebody(service)).userId,
    body: () => ({ email: newAddress(), first_name: 'Grace', is_active: 'true' }),
    change: { last_name: 'Hopper' },
    data: userData(expect.stringMatching(/^person-/)),
    created: { first_name: 'Grace', is_active: true, last_login: null },
    changed: { last_name: 'Hopper' },
  }),
  ...administrationOf('groups', 'Group', {
    create: () => makeGroup(service, ['shop.view_order']),
    body: () => ({ name: newName(), description: 'Of the shop' }),
    change: { description: 'Of another shop' },
    data: { id: anyId, name: expect.any(String), description: '', permissions: [anyId] },
    created: { description: 'Of the shop', permissions: [] },
    changed: { description: 'Of another shop' },
  }),
  ...administrationOf('permissions', 'Permission', {
    create: () => permissionId(service, `shop.${newName()}`),
    body: () => ({ codename: `shop.${newName()}`, name: 'Can shop' }),
    change: { name: 'Can shop everywhere' },
    data: { id: anyId, codename: expect.stringMatching(/^shop\./), name: expect.any(String) },
    created: { name: 'Can shop' },
    changed: { name: 'Can shop everywhere' },
  }),
  ...administrationOf('service_accounts', 'Service account', {
    create: () => created('/admin/service_accounts/'),
    body: () => ({ name: newName(), description: 'Sends the invoices' }),
    change: { description: 'Sends the reminders' },
    data: {
      id: anyId,
      client_id: expect.stringMatching(/\w/),
      name: expect.any(String),
      description: '',
      is_active: true,
      groups: [],
      permissions: [],
      created_at: anyTime,
      last_used_at: null,
    },
    created: { description: 'Sends the invoices' },
    changed: { description: 'Sends the reminders' },
  }),
  'GET /api_keys/': {
    call: async () => {
      await created('/api_keys/');
      return { token: root.accessToken };
    },
    status: 200,
    message: 'List of API keys',
    data: expect.toSatisfy((list) => list.length > 0),
  },
  'POST /api_keys/': {
    call: () => ({ token: root.accessToken, body: { name: newName() } }),
    status: 201,
    message: 'API key created',
    data: {
      id: anyId,
      name: expect.any(String),
      prefix: expect.stringMatching(/^gk_/),
      permissions: null,
      created_at: anyTime,
      expires_at: expect.toSatisfy((value) => value === null || /Z$/.test(value)),
      last_used_at: null,
      secret: expect.stringMatching(/^gk_/),
    },
  },
  'DELETE /api_keys/:id/': {
    call: async () => ({
      path: `/api_keys/${await created('/api_keys/')}/`,
      token: root.accessToken,
    }),
    status: 204,
  },
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
      await pendingRegistration(service);
      return { token: root.accessToken };
    },
    status: 200,
    message: 'List of registrations',
    data: expect.toSatisfy((list) => list.length > 0),
  },
  'GET /admin/registrations/:id/': {
    call: async () => ({
      path: `/admin/registrations/${await pendingRegistration(service)}/`,
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
      path: `/admin/registrations/${await pendingRegistration(service)}/`,
      token: root.accessToken,
    }),
    status: 204,
  },
  'POST /admin/registrations/:id/confirm/': {
    call: async () => ({
      path: `/admin/registrations/${await pendingRegistration(service)}/confirm/`,
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
      external_id: null,
      metadata: {},
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
  test('every route of the table is tested here', () => {
    expect(Object.keys(promised).sort()).toEqual([...restNames].sort());
  });

  /** Methods without a body ignore its encoding. */
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

  test.each(variants)('$row $slash ($encoding) is $status $message', async (variant) => {
    const [method = '', rowPath = ''] = variant.row.split(' ');
    const { path = rowPath, body, token } = await variant.call();
    const sent = variant.slash.startsWith('without') ? path.replace(/\/(?=$|\?)/, '') : path;
    const response = await service.rest(method, sent, {
      token,
      ...encoded(variant.encoding, body),
    });
    expect(response.status, response.text).toBe(variant.status);
    expect(api.faultsOf({ method, path: rowPath }, response)).toEqual([]);
    if (variant.status === 204) {
      expect(response.text).toBe('');
      return;
    }
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.body).toEqual({
      message: variant.message ?? expect.stringMatching(/\w/),
      data: variant.data,
    });
  });
});

function encoded(encoding: 'json' | 'form', body: Body | undefined): RestRequest {
  if (body === undefined) return {};
  return encoding === 'json' ? { json: body } : { form: new URLSearchParams(body).toString() };
}

test('a full session over REST: register, verify, log in, read the profile, log out', async () => {
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

test('membership and permissions are looked up by exact name', async () => {
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
