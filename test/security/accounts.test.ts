/** Accounts and tokens: fields that no request sets or reads, and tokens outside of the header. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { superuser } from '../support/administrators.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, person, somebody, tryLogin, verify } from '../support/people.ts';
import { chosenPassword, resetLink as linkOf, resetByRest } from '../support/resets.ts';
import { startService, type TestService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterAll(() => service.close());

const resetLink = (email: string) => linkOf(service, email);
const resetRest = (uid: string, token: string, extra?: object) =>
  resetByRest(service, uid, token, extra);

const mutate = (operation: string, type: string, input: object, token?: string) =>
  service.graphql(
    `mutation ($input: ${type}!) { result: ${operation}(input: $input) { __typename ... on Problem { code } } }`,
    { input },
    token,
  );

test('B18: a new database has no account', async () => {
  await using fresh = await startService();
  for (const table of ['users', 'registrations', 'password_hashes', 'user_groups']) {
    const [row] = await fresh.database.query(`select count(*) from ${table}`);
    expect([table, row]).toEqual([table, { count: '0' }]);
  }
});

test('E17: a token in the URL is ignored by GraphQL and not logged', async () => {
  const { accessToken } = await somebody(service);
  const address = `${service.address}/graphql?access_token=${accessToken}&token=${accessToken}`;
  const post = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ me { id } }' }),
  });
  const get = await fetch(`${address}&${new URLSearchParams({ query: '{ me { id } }' })}`, {
    headers: { 'apollo-require-preflight': 'true' },
  });
  for (const response of [post, get]) {
    expect(await response.text()).toContain('"UNAUTHENTICATED"');
  }
  expect(service.logLines.join('\n')).not.toContain(accessToken);
});

test('E20: without cookie mode no response sets a cookie, and a token in a cookie is ignored', async () => {
  const { email, accessToken } = await somebody(service);
  const login = await service.rest('POST', '/login/', { json: { email, password: goodPassword } });
  expect([login.status, login.headers.get('set-cookie')]).toEqual([200, null]);
  const cookie = `access_token=${accessToken}; session=${accessToken}`;
  const view = await service.rest('GET', '/profile/view/', { headers: { cookie } });
  expect([view.status, view.headers.get('set-cookie')]).toEqual([401, null]);
});

describe('F05: a field that only the service or an administrator sets', () => {
  const camelCase = {
    isStaff: true,
    isSuperuser: true,
    isActive: true,
    emailVerified: true,
    emailVerifiedAt: '2020-01-01T00:00:00Z',
    status: 'ACTIVE',
    id: '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9',
    groups: ['Root'],
    groupIds: ['Root'],
    permissions: ['*'],
    permissionIds: ['*'],
    createdAt: '2020-01-01T00:00:00Z',
    passwordHash: 'x',
  };
  const extra = Object.fromEntries(
    Object.entries(camelCase).flatMap(([name, value]) => [
      [name, value],
      [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value],
    ]),
  );

  async function rightsOf(email: string) {
    const [row] = await service.database.query(
      `select is_staff, is_superuser, status, created_at < '2021-01-01' as "isOld",
         users.id = '${camelCase.id}' as "hasThatId",
         (select count(*) from user_groups where user_id = users.id) as groups,
         (select count(*) from user_permissions where user_id = users.id) as permissions
       from users where email = $1`,
      [email],
    );
    return row;
  }
  const plain = {
    is_staff: false,
    is_superuser: false,
    status: 'ACTIVE',
    isOld: false,
    hasThatId: false,
    groups: '0',
    permissions: '0',
  };

  test.each(Object.entries(camelCase))('%s is not an input of GraphQL', async (name, value) => {
    const { accessToken } = await somebody(service);
    const names = { firstName: 'Ada', lastName: 'L' };
    const registration = { email: newAddress(), password: goodPassword, ...names };
    const reset = { uid: 'x', token: 'y', password: chosenPassword };
    for (const { errors, data } of [
      await mutate('register', 'RegisterInput', { ...registration, [name]: value }),
      await mutate('updateProfile', 'UpdateProfileInput', { [name]: value }, accessToken),
      await mutate('resetPassword', 'ResetPasswordInput', { ...reset, [name]: value }),
    ]) {
      expect([data ?? null, errors?.[0]?.extensions?.code]).toEqual([null, 'BAD_USER_INPUT']);
    }
  });

  test('is not set by a registration, an update or a reset over REST', async () => {
    const email = newAddress();
    const registration = { email, password: goodPassword, first_name: 'Ada', last_name: 'L' };
    await service.rest('POST', '/register/', { json: { ...extra, ...registration } });
    const [mail] = await service.mail.waitFor(email);
    expect(await rightsOf(email)).toBeUndefined();
    await verify(service, factOf(mail, 'Code'));
    expect(await rightsOf(email)).toEqual(plain);

    const { accessToken: token } = await tryLogin(service, email);
    const edit = { ...extra, first_name: 'Augusta', password: chosenPassword };
    await service.rest('PUT', '/profile/update/', { token, json: edit });
    expect(await rightsOf(email)).toEqual(plain);
    expect((await tryLogin(service, email)).__typename).toBe('TokenPair');

    const link = await resetLink(email);
    await resetRest(link.uid, link.token, extra);
    expect(await rightsOf(email)).toEqual(plain);
  });
});

test('F06: closing or erasing an account needs the password of the caller, not of another user', async () => {
  const [victim, attacker] = [
    await somebody(service),
    await somebody(service, { password: 'the password of the attacker' }),
  ];
  const input = { email: attacker.email, password: 'the password of the attacker' };
  const byVictim = { token: victim.accessToken };
  const rest = await service.rest('DELETE', '/profile/delete/', { ...byVictim, json: input });
  expect([rest.status, rest.body.data.code]).toEqual([401, 'INVALID_CREDENTIALS']);
  const closed = await mutate(
    'deactivateAccount',
    'DeactivateAccountInput',
    input,
    victim.accessToken,
  );
  expect(closed.data.result.code).toBe('INVALID_CREDENTIALS');
  const erased = await service.graphql(
    'mutation ($password: String!) { result: eraseAccount(password: $password) { ... on Problem { code } } }',
    { password: input.password },
    victim.accessToken,
  );
  expect(erased.data.result.code).toBe('INVALID_CREDENTIALS');
  for (const { accessToken } of [victim, attacker]) {
    expect(await isIn(service, accessToken)).toBe(true);
  }
});

describe('G08: hashes and digests', () => {
  const secret = /hash|digest|secret|argon/i;

  test('are not a field, filter or order of the schema, and one input of it', async () => {
    const { data } = await service.graphql(
      '{ __schema { types { name fields { name } inputFields { name } enumValues { name } } } }',
    );
    interface Type {
      readonly name: string;
      readonly fields: readonly { readonly name: string }[] | null;
      readonly inputFields: readonly { readonly name: string }[] | null;
      readonly enumValues: readonly { readonly name: string }[] | null;
    }
    const names = (data.__schema.types as readonly Type[]).flatMap(
      ({ name, fields, inputFields, enumValues }) =>
        [...(fields ?? []), ...(inputFields ?? []), ...(enumValues ?? [])].map(
          (member) => `${name}.${member.name}`,
        ),
    );
    expect(names.length).toBeGreaterThan(100);
    // A new API key is shown once, in the answer of the mutation. createUser stores the hash of another system.
    expect(names.filter((name) => secret.test(name))).toEqual([
      'NewApiKey.secret',
      'CreateUserInput.passwordHash',
    ]);
  });

  test('are in no REST response about accounts, and no filter uses them', async () => {
    const { accessToken: token } = await superuser(service);
    await person(service);
    const plainList = await service.rest('GET', '/admin/users/', { token });
    expect(plainList.status).toBe(200);
    expect(plainList.text).not.toMatch(secret);
    for (const query of ['password_hash=x', 'password_hash__startswith=%24', 'ordering=password']) {
      const { status, text } = await service.rest('GET', `/admin/users/?${query}`, { token });
      expect([query, status === 400 || text === plainList.text]).toEqual([query, true]);
      expect(text).not.toMatch(/\$argon/);
    }
  });
});
