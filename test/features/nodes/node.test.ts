/** `node` finds any object that the caller may see, and answers null for every other id. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../../../src/api/rest/routes.ts';
import { administrationOf } from '../../support/administration.ts';
import {
  makeGroup,
  makeUser,
  permissionId,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { createKey, createServiceAccount } from '../../support/api-keys.ts';
import { pendingRegistration, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const administration = administrationOf(() => service);
const document = `query ($id: ID!) { node(id: $id) { __typename id
  ... on User { email groups { name } sessions { current } } ... on Group { name permissions { codename } }
  ... on Permission { codename } ... on Session { current } ... on Registration { email } } }`;
const typeDocument = 'query ($id: ID!) { node(id: $id) { __typename id } }';
const unknownId = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';

const find = async (id: string, token?: string, query = typeDocument) => {
  const { data, errors } = await service.graphql(query, { id }, token);
  return { node: data?.node, errors };
};

/** Creates an object of each type, and returns its id. `Session` and `ApiKey` are those of another user. */
const objects = {
  User: () => makeUser(service),
  Group: () => makeGroup(service),
  Permission: () => permissionId(service, 'shop.view_order'),
  Registration: () => pendingRegistration(service),
  Session: async () => sessionOf(await somebody(service)),
  ServiceAccount: async () =>
    (await createServiceAccount(service, (await superuser(service)).accessToken)).id,
  ApiKey: async () => (await createKey(service, (await somebody(service)).accessToken)).id,
};

async function sessionOf({ accessToken }: { accessToken: string }): Promise<string> {
  const { data } = await service.graphql('{ me { sessions { id } } }', {}, accessToken);
  return data.me.sessions[0].id;
}

describe('what a caller sees', () => {
  test('users see themselves and their sessions, without staff rights', async () => {
    const ada = await somebody(service);
    const self = await find(ada.userId, ada.accessToken, document);
    expect(self.errors).toBeUndefined();
    expect(self.node).toEqual({
      __typename: 'User',
      id: ada.userId,
      email: ada.email,
      groups: [],
      sessions: [{ current: true }],
    });
    const id = await sessionOf(ada);
    expect((await find(id, ada.accessToken, document)).node).toEqual({
      __typename: 'Session',
      id,
      current: true,
    });
  });

  test.each([
    ['User', 'users.view_user'],
    ['Group', 'users.view_group'],
    ['Permission', 'users.view_permission'],
    ['Registration', 'users.view_user'],
    ['ServiceAccount', 'users.view_service_account'],
    ['ApiKey', 'users.view_user'],
  ] as const)('staff see a %s with %s', async (type, permission) => {
    const admin = await staff(service, [permission]);
    const id = await objects[type]();
    expect((await find(id, admin.accessToken)).node).toEqual({ __typename: type, id });
    expect((await find(id.toUpperCase(), admin.accessToken)).node).toEqual({
      __typename: type,
      id,
    });
  });

  test('fields of a node are those of its own query', async () => {
    const admin = await superuser(service);
    const id = await makeGroup(service, ['shop.view_order']);
    const { node } = await find(id, admin.accessToken, document);
    expect(node).toEqual({
      __typename: 'Group',
      id,
      name: expect.any(String),
      permissions: [{ codename: 'shop.view_order' }],
    });
  });

  test('several nodes of one request are found together, each with its type', async () => {
    const admin = await superuser(service);
    const [user, group] = [await makeUser(service), await makeGroup(service)];
    const { data } = await service.graphql(
      `query ($a: ID!, $b: ID!, $c: ID!) {
        a: node(id: $a) { __typename id } again: node(id: $a) { id } b: node(id: $b) { __typename id } c: node(id: $c) { id } }`,
      { a: user, b: group, c: unknownId },
      admin.accessToken,
    );
    expect(data).toEqual({
      a: { __typename: 'User', id: user },
      again: { id: user },
      b: { __typename: 'Group', id: group },
      c: null,
    });
  });
});

describe('what a caller does not see is null', () => {
  const invisible = {
    'a user without rights': () => somebody(service),
    'a user with permissions who is not staff': async () => {
      const admin = await staff(service, ['users.*']);
      await service.database.query('update users set is_staff = false where id = $1', [
        admin.userId,
      ]);
      return admin;
    },
    'staff without the permissions': () => staff(service, ['users.add_user', 'audit.view_entry']),
  };

  test.each(Object.entries(invisible))('%s cannot tell an existing id', async (_who, create) => {
    const { accessToken } = await create();
    const answers = await Promise.all(
      [...Object.values(objects).map((make) => make()), Promise.resolve(unknownId)].map(
        async (id) => (await service.graphql(document, { id: await id }, accessToken)).text,
      ),
    );
    expect([...new Set(answers)]).toEqual(['{"data":{"node":null}}\n']);
  });

  test('sessions of other users, also for superusers', async () => {
    const root = await superuser(service);
    expect((await find(await objects.Session(), root.accessToken)).node).toBeNull();
  });

  test('sessions that have ended', async () => {
    const ada = await somebody(service);
    const id = await sessionOf(ada);
    const { accessToken } = await tryLogin(service, ada.email);
    expect((await find(id, accessToken)).node).toEqual({ __typename: 'Session', id });
    await service.graphql(
      'mutation ($id: ID!) { revokeSession(id: $id) { __typename } }',
      { id },
      accessToken,
    );
    expect((await find(id, accessToken)).node).toBeNull();
  });

  test('an audit entry, which is not a Node', async () => {
    const root = await superuser(service);
    await administration.createGroup(root, {});
    const { data } = await service.graphql(
      '{ auditEntries(first: 1) { nodes { id } } }',
      {},
      root.accessToken,
    );
    expect((await find(data.auditEntries.nodes[0].id, root.accessToken)).node).toBeNull();
  });

  test.each([
    '',
    'garbage',
    '0',
    unknownId.slice(1),
    `${unknownId} `,
    "' or true --",
    '\u0000',
    '😀',
  ])('the id %j', async (id) => {
    const root = await superuser(service);
    const { node, errors } = await find(id, root.accessToken);
    expect({ node, errors }).toEqual({ node: null, errors: undefined });
  });
});

test('an anonymous caller is UNAUTHENTICATED, whatever the id', async () => {
  for (const id of [unknownId, await makeUser(service), 'garbage']) {
    const { data, errors } = await service.graphql(typeDocument, { id });
    expect(data).toEqual({ node: null });
    expect(errors?.[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED' });
  }
});

test('a permission that was withdrawn hides its objects at once', async () => {
  const admin = await staff(service, ['users.view_group']);
  const id = await makeGroup(service);
  expect((await find(id, admin.accessToken)).node).toMatchObject({ id });
  await service.database.query('delete from user_permissions where user_id = $1', [admin.userId]);
  expect((await find(id, admin.accessToken)).node).toBeNull();
});

test('the cost limit counts the two queries of a node', async () => {
  const { accessToken } = await superuser(service);
  const sessionsOf = (count: number) =>
    Array.from(
      { length: count },
      (_, index) => `a${index}: node(id: "x") { ... on User { sessions { id } } }`,
    ).join(' ');
  expect((await service.graphql(`{ ${sessionsOf(19)} }`, {}, accessToken)).status).toBe(200);
  const refused = await service.graphql(`{ ${sessionsOf(20)} }`, {}, accessToken);
  expect(refused.errors?.[0]?.message).toMatch(/too expensive/);
});

describe('deletions', () => {
  test.each([
    ['deleteGroup', () => makeGroup(service)],
    [
      'deleteServiceAccount',
      async () => (await createServiceAccount(service, (await superuser(service)).accessToken)).id,
    ],
    ['deletePermission', () => permissionId(service, 'shop.delete_order')],
    ['deleteRegistration', () => pendingRegistration(service)],
  ] as const)('%s answers with the id of the object', async (operation, create) => {
    const { accessToken } = await superuser(service);
    const id = await create();
    const remove = () =>
      service.graphql(
        `mutation ($id: ID!) { ${operation}(id: $id) {
          __typename ... on Deletion { deletedId message } ... on Problem { code } } }`,
        { id: id.toUpperCase() },
        accessToken,
      );
    const { data } = await remove();
    expect(data[operation]).toEqual({
      __typename: 'Deletion',
      deletedId: id,
      message: expect.stringMatching(/^The [A-Za-z ]+ (is|are) deleted\.$/),
    });
    expect((await remove()).data[operation]).toEqual({ __typename: 'Problem', code: 'NOT_FOUND' });
  });

  test('over REST they answer 204', async () => {
    const { accessToken: token } = await superuser(service);
    const paths = restRoutes
      .filter(({ method, path }) => method === 'DELETE' && path.startsWith('/admin/'))
      .map(({ path }) => path);
    expect(paths).toContain('/admin/groups/:id/');
    const id = await makeGroup(service);
    const { status } = await service.rest('DELETE', `/admin/groups/${id}/`, { token });
    expect(status).toBe(204);
  });
});
