/** The permission matrix: every administrative operation with every kind of caller, over GraphQL and REST. */
import { buildSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestRoute } from '../../../src/api/rest/route.ts';
import { restRoutes } from '../../../src/api/rest/routes.ts';
import {
  makeGroup,
  makeUser,
  newName,
  permissionId,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { createServiceAccount } from '../../support/api-keys.ts';
import { type Operation, readOperations, schemaText } from '../../support/operations.ts';
import { newAddress, pendingAccount, pendingRegistration, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

const callers = [
  'anonymous',
  'user',
  'user with the permission',
  'staff with every other permission',
  'staff with exactly the permission',
  'superuser',
] as const;

type Caller = (typeof callers)[number];

const expected: Readonly<Record<Caller, string>> = {
  anonymous: 'UNAUTHENTICATED',
  user: 'FORBIDDEN',
  'user with the permission': 'FORBIDDEN',
  'staff with every other permission': 'FORBIDDEN',
  'staff with exactly the permission': 'allowed',
  superuser: 'allowed',
};

type Users = Readonly<
  Record<Exclude<Caller, 'anonymous'>, { accessToken: string; userId: string }>
>;
let users: Users;

beforeAll(async () => {
  service = await startService();
  users = {
    user: await somebody(service),
    'user with the permission': await somebody(service),
    'staff with every other permission': await staff(service),
    'staff with exactly the permission': await staff(service),
    superuser: await superuser(service),
  };
});
afterAll(() => service.close());

const makeServiceAccount = async () =>
  (await createServiceAccount(service, users.superuser.accessToken)).id;

/** The variables of a successful call, with new objects for each. */
const examples: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  user: async () => ({ id: await makeUser(service) }),
  users: async () => ({ first: 1 }),
  usersWithPermission: async () => ({ permission: 'users.view_user', first: 1 }),
  explainPermission: async () => ({
    userId: await makeUser(service),
    permission: 'users.view_user',
  }),
  auditEntries: async () => ({ first: 1 }),
  group: async () => ({ id: await makeGroup(service) }),
  groups: async () => ({ first: 1 }),
  permission: async () => ({ id: await permissionId(service, `shop.${newName()}`) }),
  permissions: async () => ({ first: 1 }),
  createUser: async () => ({ input: { email: newAddress() } }),
  updateUser: async () => ({ id: await makeUser(service), input: { firstName: 'Jean' } }),
  setGroupMembership: async () => ({
    input: { userId: await makeUser(service), groupId: await makeGroup(service) },
  }),
  resendInvitation: async () => ({ userId: (await pendingAccount(service)).userId }),
  registration: async () => ({ id: await pendingRegistration(service) }),
  registrations: async () => ({ first: 1 }),
  confirmRegistration: async () => ({ id: await pendingRegistration(service) }),
  deleteRegistration: async () => ({ id: await pendingRegistration(service) }),
  sendPasswordReset: async () => ({ userId: await makeUser(service) }),
  revokeUserSessions: async () => ({ userId: await makeUser(service) }),
  deactivateUser: async () => ({ id: await makeUser(service) }),
  eraseUser: async () => ({ id: await makeUser(service) }),
  createGroup: async () => ({ input: { name: newName() } }),
  updateGroup: async () => ({ id: await makeGroup(service), input: { description: 'New' } }),
  deleteGroup: async () => ({ id: await makeGroup(service) }),
  serviceAccount: async () => ({ id: await makeServiceAccount() }),
  serviceAccounts: async () => ({ first: 1 }),
  createServiceAccount: async () => ({ input: { name: newName() } }),
  updateServiceAccount: async () => ({
    id: await makeServiceAccount(),
    input: { description: 'New' },
  }),
  deleteServiceAccount: async () => ({ id: await makeServiceAccount() }),
  createPermission: async () => ({ input: { codename: `shop.${newName()}`, name: 'Can shop' } }),
  updatePermission: async () => ({
    id: await permissionId(service, `shop.${newName()}`),
    input: { name: 'Can shop' },
  }),
  deletePermission: async () => ({ id: await permissionId(service, `shop.${newName()}`) }),
};

interface Guarded extends Operation {
  /** All permissions that the operation needs. */
  readonly permissions: readonly string[];
  /** The permission that the caller lacks. */
  readonly permission: string;
  readonly rows: readonly Row[];
}

/** A route, and the query that selects the operation. */
interface Row extends RestRoute {
  readonly query: string;
}

function variantsOf(route: RestRoute, operation: string): Row[] {
  const { document, variant } = route;
  const runs = (text = '') => text.includes(`result: ${operation}(`);
  return [
    ...(runs(document) ? [{ ...route, query: '' }] : []),
    ...(variant && runs(variant.document) ? [{ ...route, query: `?${variant.flag}=true` }] : []),
  ];
}

/** Every operation whose description names a permission. */
function guardedOperations(): readonly Guarded[] {
  const schema = buildSchema(schemaText);
  const fields = {
    ...schema.getQueryType()?.getFields(),
    ...schema.getMutationType()?.getFields(),
  };
  return readOperations().flatMap((operation) => {
    const description = fields[operation.name]?.description ?? '';
    const needs = /Needs\s+`[^`]+`(?:\s+and\s+`[^`]+`)*/.exec(description)?.[0] ?? '';
    const permissions = [...needs.matchAll(/`([^`]+)`/g)].map(([, codename = '']) => codename);
    const rows = restRoutes.flatMap((route) => variantsOf(route, operation.name));
    return permissions.map((permission) => ({ ...operation, permissions, permission, rows }));
  });
}

const guarded = guardedOperations();

test('every administrative operation has an example', () => {
  const names = new Set(guarded.map(({ name }) => name));
  expect(Object.keys(examples).sort()).toEqual([...names].sort());
});

test('every administrative route runs an administrative operation', () => {
  const driven = guarded.flatMap(({ rows }) => rows);
  const rows = restRoutes.filter(({ path }) => path.startsWith('/admin/'));
  const names = rows.flatMap(({ method, path, variant }) => [
    `${method} ${path}`,
    ...(variant ? [`${method} ${path}?${variant.flag}=true`] : []),
  ]);
  expect(driven.map(({ method, path, query }) => `${method} ${path}${query}`).sort()).toEqual(
    names.sort(),
  );
});

test('every operation names an existing permission', async () => {
  const rows = await service.database.query<{ codename: string }>(
    'select codename from permissions where is_built_in',
  );
  const builtIn = rows.map(({ codename }) => codename);
  expect(builtIn).toEqual(expect.arrayContaining(guarded.map(({ permission }) => permission)));
});

async function grantPermissions({ permissions, permission }: Guarded): Promise<void> {
  const rows = await service.database.query<{ codename: string }>(
    'select codename from permissions where is_built_in and codename <> $1',
    [permission],
  );
  const others = rows.map(({ codename }) => codename);
  await setPermissions(service, users['user with the permission'].userId, permissions);
  await setPermissions(service, users['staff with exactly the permission'].userId, permissions);
  await setPermissions(service, users['staff with every other permission'].userId, others);
}

const tokenOf = (caller: Caller) =>
  caller === 'anonymous' ? undefined : users[caller].accessToken;

async function graphqlVerdict({ name, document }: Guarded, caller: Caller): Promise<string> {
  const variables = (await examples[name]?.()) ?? {};
  const { data, errors } = await service.graphql(document, variables, tokenOf(caller));
  const code = errors?.[0]?.extensions?.code ?? data?.result?.code;
  if (code !== undefined) return String(code);
  return data?.result === null ? 'nothing' : 'allowed';
}

async function restVerdict({ name }: Guarded, row: Row, caller: Caller): Promise<string> {
  const variables = (await examples[name]?.()) ?? {};
  const token = tokenOf(caller);
  const id = String(variables.id ?? variables.userId);
  const path = `${row.path.replace(':id', id)}${row.query}`;
  const input = Object(variables.input) as Record<string, unknown>; // an input object, or an empty one
  const named = Object.entries(row.params).flatMap(([rest, { from, to }]) => {
    const value = input[to.replace('input.', '')];
    return from === 'body' && value !== undefined ? [[rest, value] as const] : [];
  });
  const json =
    row.method === 'GET' || row.method === 'DELETE' ? undefined : Object.fromEntries(named);
  const { status, body } = await service.rest(row.method, path, { token, json });
  return status < 300 ? 'allowed' : String(body.data.code);
}

describe.each(guarded)('$name needs $permission and isStaff', (operation) => {
  test('on GraphQL and on REST alike', async () => {
    await grantPermissions(operation);
    for (const caller of callers) {
      const graphql = await graphqlVerdict(operation, caller);
      expect.soft([caller, graphql]).toEqual([caller, expected[caller]]);
      for (const row of operation.rows) {
        const rest = await restVerdict(operation, row, caller);
        expect
          .soft([caller, row.method, row.path, rest])
          .toEqual([caller, row.method, row.path, graphql]);
      }
    }
  });
});

test('a denied operation changes nothing but the audit log', async () => {
  const target = await makeUser(service);
  const { accessToken } = users.user;
  const before = await service.database.query('select * from users where id = $1', [target]);
  await service.rest('PATCH', `/admin/users/${target}/`, {
    token: accessToken,
    json: { first_name: 'Mallory', is_active: false },
  });
  await service.rest('DELETE', `/admin/users/${target}/`, { token: accessToken });
  expect(await service.database.query('select * from users where id = $1', [target])).toEqual(
    before,
  );
});
