/** Service accounts: their rights, their limits, and the keys that administrators create for them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Administrator,
  makeGroup,
  newName,
  permissionId,
  staff,
  superuser,
} from '../../support/administrators.ts';
import {
  createKey,
  createServiceAccount,
  holds,
  outcomeOf,
  revokeKey,
  tryCreateKey,
  updateServiceAccount,
} from '../../support/api-keys.ts';
import { oauth } from '../../support/oauth.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const sql = (text: string, parameters: unknown[]) => service.database.query(text, parameters);

async function rootGroup(): Promise<string> {
  const [row] = await service.database.query<{ id: string }>(
    "select id from groups where name = 'Root'",
  );
  return row?.id ?? '';
}

/** A service account with these permissions, and a key of it. */
async function robotWith(permissions: readonly string[], groupIds: readonly string[] = []) {
  const account = await createServiceAccount(service, root.accessToken, { permissions, groupIds });
  const key = await createKey(service, root.accessToken, { serviceAccountId: account.id });
  return { ...account, key: key.secret, keyId: key.id };
}

const create = async (token: string, input: object) =>
  outcomeOf(
    await service.graphql(
      `mutation ($input: CreateServiceAccountInput!) {
        createServiceAccount(input: $input) { __typename ... on Problem { code } }
      }`,
      { input: { name: newName(), ...input } },
      token,
    ),
  );

describe('a service account', () => {
  test('has groups and permissions, administers without isStaff, and has no account of its own', async () => {
    const group = await makeGroup(service, ['shop.sell'], 'Robots');
    const robot = await robotWith(['users.view_user', 'users.view_service_account'], [group]);
    const { data } = await service.graphql(
      `query ($id: ID!) {
        serviceAccount(id: $id) {
          id clientId name description isActive groups { name } permissions { codename }
          effectivePermissions apiKeys { id } createdAt lastUsedAt
        }
        users(first: 1) { nodes { id } }
        inGroup: hasGroup(name: "Robots") other: hasGroup(name: "Root")
        sells: hasPermission(permission: "shop.sell") adds: hasPermission(permission: "users.add_user")
        node(id: $id) { __typename id }
      }`,
      { id: robot.id },
      robot.key,
    );
    expect(data).toMatchObject({
      serviceAccount: {
        id: robot.id,
        clientId: robot.clientId,
        isActive: true,
        groups: [{ name: 'Robots' }],
        permissions: [{ codename: 'users.view_service_account' }, { codename: 'users.view_user' }],
        effectivePermissions: ['shop.sell', 'users.view_service_account', 'users.view_user'],
        apiKeys: [{ id: robot.keyId }],
      },
      inGroup: true,
      other: false,
      sells: true,
      adds: false,
      node: { __typename: 'ServiceAccount', id: robot.id },
    });
    expect(data.serviceAccount.lastUsedAt).not.toBeNull();
    const own = [
      '{ me { id } }',
      '{ exportMyData }',
      'mutation { logoutEverywhere { __typename } }',
    ];
    for (const document of own) {
      expect([document, outcomeOf(await service.graphql(document, {}, robot.key))]).toEqual([
        document,
        'FORBIDDEN',
      ]);
    }
    expect((await service.rest('GET', '/profile/view/', { token: robot.key })).status).toBe(403);
    expect(outcomeOf(await tryCreateKey(service, robot.key))).toBe('FORBIDDEN');
  });

  test('is listed by name, in pages', async () => {
    for (const name of ['aa-1', 'aa-2', 'aa-3']) {
      await createServiceAccount(service, root.accessToken, { name });
    }
    const page = async (after?: string) =>
      (
        await service.graphql(
          `query ($after: String) {
            serviceAccounts(first: 2, after: $after) {
              totalCount nodes { name } pageInfo { hasNextPage endCursor }
            }
          }`,
          { after },
          root.accessToken,
        )
      ).data.serviceAccounts;
    const first = await page();
    expect(first.nodes).toEqual([{ name: 'aa-1' }, { name: 'aa-2' }]);
    expect(first.totalCount).toBeGreaterThanOrEqual(3);
    expect((await page(first.pageInfo.endCursor)).nodes[0]).toEqual({ name: 'aa-3' });
  });

  test('never belongs to Root, neither by an operation nor in the database', async () => {
    const robot = await robotWith([]);
    const groupIds = [await rootGroup()];
    expect(await create(root.accessToken, { groupIds })).toBe('PROTECTED');
    expect(await updateServiceAccount(service, root.accessToken, robot.id, { groupIds })).toBe(
      'PROTECTED',
    );
    await expect(
      sql('insert into service_account_groups values ($1, $2)', [robot.id, groupIds[0]]),
    ).rejects.toThrow('never belongs to the group Root');
  });

  test('ends with its keys when it is deleted', async () => {
    const robot = await robotWith(['shop.sell']);
    expect(await holds(service, robot.key, 'shop.sell')).toBe(true);
    const { data } = await service.graphql(
      `mutation ($id: ID!) {
        deleteServiceAccount(id: $id) { __typename ... on Deletion { deletedId message } }
      }`,
      { id: robot.id },
      root.accessToken,
    );
    expect(data.deleteServiceAccount).toMatchObject({
      __typename: 'Deletion',
      deletedId: robot.id,
    });
    expect(await holds(service, robot.key, 'shop.sell')).toBe('refused');
  });

  test('cannot use its keys while it is disabled', async () => {
    const robot = await robotWith(['shop.sell']);
    const limited = await createKey(service, root.accessToken, {
      serviceAccountId: robot.id,
      permissions: [],
    });
    expect(await holds(service, robot.key, 'shop.sell')).toBe(true);
    await updateServiceAccount(service, root.accessToken, robot.id, { isActive: false });
    expect(await holds(service, robot.key, 'shop.sell')).toBe('refused');
    expect(await holds(service, limited.secret, 'shop.sell')).toBe('refused');
    await updateServiceAccount(service, root.accessToken, robot.id, { isActive: true });
    expect(await holds(service, robot.key, 'shop.sell')).toBe(true);
    expect(await holds(service, limited.secret, 'shop.sell')).toBe(false);
  });

  test('gets and loses rights at once', async () => {
    const group = await makeGroup(service, ['tea.brew']);
    const robot = await robotWith([], [group]);
    expect(await holds(service, robot.key, 'tea.brew')).toBe(true);
    await updateServiceAccount(service, root.accessToken, robot.id, { groupIds: [] });
    expect(await holds(service, robot.key, 'tea.brew')).toBe(false);
    const permissionIds = [await permissionId(service, 'tea.brew')];
    await updateServiceAccount(service, root.accessToken, robot.id, { permissionIds });
    expect(await holds(service, robot.key, 'tea.brew')).toBe(true);
  });
});

describe('nobody grants what they lack', () => {
  test('to a service account', async () => {
    const all = ['users.add_service_account', 'users.change_service_account', 'users.change_group'];
    const ann = await staff(service, [...all, 'shop.sell']);
    const held = await permissionId(service, 'shop.sell');
    const lacking = await permissionId(service, 'shop.buy');
    const group = await makeGroup(service, ['shop.buy']);
    expect(await create(ann.accessToken, { permissionIds: [held] })).toBe('done');
    expect(await create(ann.accessToken, { permissionIds: [lacking] })).toBe('FORBIDDEN');
    expect(await create(ann.accessToken, { groupIds: [group] })).toBe('FORBIDDEN');
    const bob = await staff(service, ['users.add_service_account', 'users.change_service_account']);
    const empty = await makeGroup(service);
    expect(await create(bob.accessToken, { groupIds: [empty] })).toBe('FORBIDDEN');
    expect(await create(ann.accessToken, { groupIds: [empty] })).toBe('done');
  });

  test('by a key of a service account, of which they lack a permission', async () => {
    const robot = await robotWith(['shop.sell', 'shop.buy']);
    const input = { serviceAccountId: robot.id };
    const ann = await staff(service, ['users.change_service_account', 'shop.sell']);
    expect(outcomeOf(await tryCreateKey(service, ann.accessToken, input))).toBe('FORBIDDEN');
    const bob = await staff(service, ['users.change_service_account', 'shop.*']);
    expect(outcomeOf(await tryCreateKey(service, bob.accessToken, input))).toBe('done');
    const carl = await staff(service, ['shop.*']);
    expect(outcomeOf(await tryCreateKey(service, carl.accessToken, input))).toBe('FORBIDDEN');
    const list = { ...input, permissions: ['tea.brew'] };
    expect(outcomeOf(await tryCreateKey(service, root.accessToken, list))).toBe('FORBIDDEN');
  });

  test('by a key that outlasts their own rights', async () => {
    const robot = await robotWith(['tea.pour']);
    const ann = await staff(service, ['users.change_service_account']);
    const group = await makeGroup(service, ['tea.pour']);
    await sql('insert into user_groups values ($1, $2, $3)', [
      ann.userId,
      group,
      '2098-01-01T00:00:00Z',
    ]);
    const outcome = async (expiresAt?: string) =>
      outcomeOf(
        await tryCreateKey(service, ann.accessToken, {
          serviceAccountId: robot.id,
          ...(expiresAt ? { expiresAt } : {}),
        }),
      );
    expect(await outcome()).toBe('FORBIDDEN');
    expect(await outcome('2098-01-01T00:00:00.001Z')).toBe('FORBIDDEN');
    expect(await outcome('2098-01-01T00:00:00Z')).toBe('done');
  });

  test('by a key that is valid longer than their right to create it', async () => {
    const robot = await robotWith([]);
    const ann = await staff(service);
    const group = await makeGroup(service, ['users.change_service_account']);
    await sql('insert into user_groups values ($1, $2, $3)', [
      ann.userId,
      group,
      '2098-01-01T00:00:00Z',
    ]);
    const outcome = async (input: object) =>
      outcomeOf(
        await tryCreateKey(service, ann.accessToken, { serviceAccountId: robot.id, ...input }),
      );
    expect(await outcome({})).toBe('FORBIDDEN');
    expect(await outcome({ expiresAt: '2098-01-01T00:00:00.001Z' })).toBe('FORBIDDEN');
    expect(await outcome({ expiresAt: '2098-01-01T00:00:00Z' })).toBe('done');
  });

  test('by enabling a service account that holds more', async () => {
    const robot = await robotWith(['shop.buy']);
    const ann = await staff(service, ['users.change_service_account']);
    const set = (isActive: boolean) =>
      updateServiceAccount(service, ann.accessToken, robot.id, { isActive });
    expect(await set(false)).toBe('done');
    expect(await set(true)).toBe('FORBIDDEN');
  });

  test('to itself, as a service account', async () => {
    const all = [
      'users.view_service_account',
      'users.change_service_account',
      'users.delete_service_account',
    ];
    const group = await makeGroup(service, ['shop.sell']);
    const robot = await robotWith([...all, 'users.change_group', 'shop.sell'], [group]);
    const permissionIds = [await permissionId(service, 'shop.sell')];
    const changes = [
      { permissionIds },
      { groupIds: [] },
      { isActive: false },
      { name: 'renamed' },
      { description: 'changed' },
    ];
    for (const input of changes) {
      expect(await updateServiceAccount(service, robot.key, robot.id, input)).toBe('FORBIDDEN');
    }
    const changeGroup = await service.graphql(
      'mutation ($id: ID!, $ids: [ID!]) { updateGroup(id: $id, input: { permissionIds: $ids }) { __typename } }',
      { id: group, ids: [permissionIds[0], await permissionId(service, 'users.change_group')] },
      robot.key,
    );
    expect(outcomeOf(changeGroup)).toBe('FORBIDDEN');
  });
});

describe('a key creates no key', () => {
  const codes = ['users.change_service_account', 'users.view_service_account'];
  const expiresAt = '2098-01-01T00:00:00Z';

  test('of its own service account, also as an access token', async () => {
    const robot = await robotWith(codes);
    const input = { serviceAccountId: robot.id, expiresAt };
    const { body } = await oauth(service, 'token', {
      basic: [robot.clientId, robot.key],
      form: { grant_type: 'client_credentials' },
    });
    for (const token of [robot.key, String(body.access_token)]) {
      expect(outcomeOf(await tryCreateKey(service, token, input))).toBe('FORBIDDEN');
    }
  });

  test.each(['a service account', 'a superuser'])('of %s that is valid longer', async (kind) => {
    const other = await createServiceAccount(service, root.accessToken);
    const robot = await robotWith(codes);
    const ofRobot = { serviceAccountId: robot.id };
    const { secret } = await createKey(service, root.accessToken, {
      expiresAt,
      ...(kind === 'a superuser' ? {} : ofRobot),
    });
    const outcome = async (input: object) =>
      outcomeOf(await tryCreateKey(service, secret, { serviceAccountId: other.id, ...input }));
    expect(await outcome({})).toBe('FORBIDDEN');
    expect(await outcome({ expiresAt: '2098-01-01T00:00:00.001Z' })).toBe('FORBIDDEN');
    expect(await outcome({ expiresAt })).toBe('done');
  });
});

test('keys of service accounts are revoked by administrators only', async () => {
  const robot = await robotWith(['shop.sell']);
  const stranger = await somebody(service);
  expect(outcomeOf(await revokeKey(service, stranger.accessToken, robot.keyId))).toBe('NOT_FOUND');
  const ann = await staff(service, ['users.change_service_account']);
  expect(outcomeOf(await revokeKey(service, ann.accessToken, robot.keyId))).toBe('done');
  expect(await holds(service, robot.key, 'shop.sell')).toBe('refused');
});

test('bad input is refused with the name of its field', async () => {
  const bad = [
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(200) }, 'name'],
    [{ name: 'a', expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'a', permissions: [''] }, 'permissions'],
    [{ name: 'a', serviceAccountId: 'x' }, 'serviceAccountId'],
  ] as const;
  for (const [input, path] of bad) {
    const { data } = await tryCreateKey(service, root.accessToken, input);
    expect(data.createApiKey).toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ path }] });
  }
  const unknown = { serviceAccountId: '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9' };
  expect(outcomeOf(await tryCreateKey(service, root.accessToken, unknown))).toBe('NOT_FOUND');
});
