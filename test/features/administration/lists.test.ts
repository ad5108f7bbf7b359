/** Lists of users, groups and permissions: pages, cursors, searches, filters and the number of statements. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Administrator,
  makeGroup,
  makeUser,
  newName,
  setPermissions,
  superuser,
} from '../../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../../support/database-wire.ts';
import { startService, type TestService } from '../../support/service.ts';

let database: TestDatabase;
let wire: DatabaseWire;
let service: TestService;
let root: Administrator;

beforeAll(async () => {
  database = await createTestDatabase();
  wire = await openDatabaseWire(database.url);
  service = await startService({ database, environment: { DATABASE_URL: wire.url } });
  root = await superuser(service);
  for (let at = 0; at < 24; at += 1) await makeUser(service);
});
afterAll(async () => {
  await service.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

const page =
  'edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const usersDocument = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter, $orderBy: UserOrder) {
  result: users(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) { ${page} }
}`;

const send = (document: string, variables: object = {}) =>
  service.graphql(document, variables, root.accessToken);

async function users(variables: object) {
  const { data, text } = await send(usersDocument, variables);
  if (!data) throw new Error(text);
  const { nodes, edges, pageInfo } = data.result;
  const ids: string[] = nodes.map(({ id }: { id: string }) => id);
  expect(edges.map(({ node }: { node: { id: string } }) => node.id)).toEqual(ids);
  expect(pageInfo).toMatchObject({
    startCursor: edges.at(0)?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  });
  return { ids, pageInfo };
}

/** The code and the rejected inputs of a query. */
async function errorOf(document: string, variables: object) {
  const { errors } = await send(document, variables);
  const { code, fields } = errors?.[0]?.extensions ?? {};
  return { code, fields: (Object(fields) as { path: string }[]).map?.(({ path }) => path) };
}

const idsBy = async (order: string): Promise<string[]> =>
  (await database.query<{ id: string }>(`select id from users order by ${order}`)).map(
    ({ id }) => id,
  );

describe('pages', () => {
  const orders = [
    ['CREATED_AT', 'created_at'],
    ['UPDATED_AT', 'updated_at'],
    ['EMAIL', 'email'],
  ].flatMap(([field, column]) =>
    (['ASC', 'DESC'] as const).map((direction) => ({ field, column, direction })),
  );

  test.each(orders)('are ordered by $field $direction, forward and backward', async (order) => {
    const { field, column, direction } = order;
    const expected = await idsBy(`${column} ${direction}, id ${direction}`);
    const orderBy = { field, direction };
    const forward: string[] = [];
    for (let after: string | null = null; ; ) {
      const { ids, pageInfo } = await users({ first: 7, after, orderBy });
      forward.push(...ids);
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    const backward: string[] = [];
    for (let before: string | null = null; ; ) {
      const { ids, pageInfo } = await users({ last: 7, before, orderBy });
      backward.unshift(...ids);
      before = pageInfo.startCursor;
      if (!pageInfo.hasPreviousPage) break;
    }
    expect([forward, backward]).toEqual([expected, expected]);
  });

  test('a page between two cursors contains the items between them', async () => {
    const all = await idsBy('created_at desc, id desc');
    const { pageInfo } = await users({ first: 3 });
    const late = await users({ last: 3 });
    const between = await users({
      first: 100,
      after: pageInfo.endCursor,
      before: late.pageInfo.startCursor,
    });
    expect(between.ids).toEqual(all.slice(3, -3));
  });

  test('groups are ordered by name, permissions by codename', async () => {
    for (const [list, column] of [
      ['groups', 'name'],
      ['permissions', 'codename'],
    ] as const) {
      await makeGroup(service, [`shop.${newName()}`]);
      const expected = await database.query(`select id from ${list} order by ${column}, id`);
      const found: object[] = [];
      for (let after: string | null = null; ; ) {
        const { data } = await send(
          `query ($after: String) { result: ${list}(first: 4, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`,
          { after },
        );
        found.push(...data.result.nodes);
        after = data.result.pageInfo.endCursor;
        if (!data.result.pageInfo.hasNextPage) break;
      }
      expect(found).toEqual(expected);
    }
  });

  test('the default size is 20, the size 0 returns no items, and negative sizes are rejected', async () => {
    expect((await users({})).ids).toHaveLength(20);
    expect((await users({ first: 0 })).ids).toEqual([]);
    const rejected = (path: string) => ({ code: 'VALIDATION_FAILED', fields: [path] });
    expect(await errorOf(usersDocument, { first: -1 })).toEqual(rejected('first'));
    expect(await errorOf(usersDocument, { last: -1 })).toEqual(rejected('last'));
    expect(await errorOf(usersDocument, { first: 1, last: 1 })).toEqual(rejected('last'));
  });

  test('the total is counted only if the query selects it', async () => {
    const counted = async (document: string) => {
      wire.statements.length = 0;
      const { data } = await send(document);
      const counts = wire.statements.filter((statement) => /count\(/i.test(statement)).length;
      return [data.result.totalCount, counts];
    };
    const [row] = await database.query<{ total: number }>(
      'select count(*)::int as total from users',
    );
    expect(await counted('{ result: users(first: 1) { totalCount } }')).toEqual([row?.total, 1]);
    expect(await counted('{ result: users(first: 1) { nodes { id } } }')).toEqual([undefined, 0]);
    const filtered = '{ result: users(first: 1, filter: {isSuperuser: true}) { totalCount } }';
    expect(await counted(filtered)).toEqual([1, 1]);
  });

  test('users with groups and permissions need as many statements for many users as for few', async () => {
    const ids = await idsBy('id');
    for (const id of ids) {
      const group = await makeGroup(service, ['tea.pour', `tea.${newName()}`]);
      await database.query('insert into user_groups values ($1, $2)', [id, group]);
    }
    const cost = async (first: number) => {
      await send('{ me { id } }');
      wire.statements.length = 0;
      const { data } = await send(
        `{ result: users(first: ${first}) { nodes { permissions { id } effectivePermissions groups { permissions { codename } } } } }`,
      );
      expect(data.result.nodes).toHaveLength(first);
      expect(data.result.nodes.at(-1).groups[0].permissions).toHaveLength(2);
      return wire.statements.length;
    };
    const few = await cost(2);
    expect(await cost(24)).toBe(few);
    expect(few).toBeLessThan(12);
  });
});

describe('cursors', () => {
  const written = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url');
  const id = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
  const time = '2026-01-31 12:00:00.123+00';
  const garbage: readonly string[] = [
    '',
    ' ',
    'garbage',
    '\u0000',
    'a'.repeat(10_000),
    written(null),
    written({}),
    written([]),
    written([time, id]),
    written(['created_at', time]),
    written(['created_at', time, 'id']),
    written(['created_at', 7, id]),
    written(['created_at', '', id]),
    written(['created_at', 'now', id]),
    written(['created_at', 'infinity', id]),
    written(['created_at', '2026-02-30 12:00:00+00', id]),
    written(['created_at', '2026-01-31 25:00:00+00', id]),
    written(['created_at', `${time}'; drop table users`, id]),
    written(['created_at', { $ne: null }, id]),
    written(['password_hash', time, id]),
    written(['email', 'a@example.com', id]),
    written(['updated_at', time, id]),
  ];

  test.each(garbage)('%j is rejected with the name of its argument', async (cursor) => {
    for (const variables of [{ after: cursor }, { before: cursor, last: 3 }]) {
      const [name] = Object.keys(variables);
      expect(await errorOf(usersDocument, variables)).toEqual({
        code: 'VALIDATION_FAILED',
        fields: [name],
      });
    }
    if (cursor.length > 1000) return;
    const response = await service.rest(
      'GET',
      `/admin/users/?cursor=${encodeURIComponent(cursor)}`,
      {
        token: root.accessToken,
      },
    );
    expect(response.body.data).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'cursor' }],
    });
  });

  test('of another order, or another list, are rejected', async () => {
    const { pageInfo } = await users({ first: 1, orderBy: { field: 'EMAIL', direction: 'ASC' } });
    const rejected = { code: 'VALIDATION_FAILED', fields: ['after'] };
    const after = pageInfo.endCursor;
    expect(await errorOf(usersDocument, { after })).toEqual(rejected);
    for (const list of ['groups', 'permissions']) {
      const document = `query ($after: String) { result: ${list}(after: $after) { nodes { id } } }`;
      expect(await errorOf(document, { after })).toEqual(rejected);
    }
  });

  test('of a deleted user still mark the position', async () => {
    await makeUser(service);
    const all = await idsBy('created_at desc, id desc');
    const { ids, pageInfo } = await users({ first: 1 });
    await database.query('delete from users where id = $1', [ids[0]]);
    expect((await users({ first: 3, after: pageInfo.endCursor })).ids).toEqual(all.slice(1, 4));
  });

  test('REST links lead through all pages, with filters, and end', async () => {
    for (const query of ['?limit=7', '?limit=5&is_superuser=false&search=person']) {
      const found: string[] = [];
      let path: string | undefined = `/admin/users/${query}`;
      while (path !== undefined) {
        const response = await service.rest('GET', path, { token: root.accessToken });
        expect(response.status).toBe(200);
        found.push(...response.body.data.map(({ id: each }: { id: string }) => each));
        const link = response.headers.get('link');
        path = link === null ? undefined : /^<\/auth(.*)>; rel="next"$/.exec(link)?.[1];
        expect(path === undefined).toBe(link === null);
      }
      const all = await idsBy('created_at desc, id desc');
      expect(found).toEqual(
        query.includes('super') ? all.filter((each) => each !== root.userId) : all,
      );
    }
  });

  test('REST rejects invalid sizes; an empty page has no link', async () => {
    const limit = (value: string) =>
      service.rest('GET', `/admin/users/?limit=${value}`, { token: root.accessToken });
    for (const value of ['', '-1', 'x', '1.5', '1e3']) {
      expect((await limit(value)).body.data).toMatchObject({
        code: 'VALIDATION_FAILED',
        fields: [{ path: 'limit' }],
      });
    }
    const empty = await limit('0');
    expect([empty.body.data, empty.headers.get('link')]).toEqual([[], null]);
  });
});

describe('filters of users', () => {
  const found = async (filter: object) => new Set((await users({ first: 100, filter })).ids);

  async function named(columns: object): Promise<string> {
    const id = await makeUser(service);
    for (const [column, value] of Object.entries(columns)) {
      await database.query(`update users set ${column} = $2 where id = $1`, [id, value]);
    }
    return id;
  }

  test('a search finds substrings of address, username and names in any case', async () => {
    const mark = newName();
    const ids = [
      await named({ email: `${mark}@example.com` }),
      await named({ username: `The.${mark.toUpperCase()}` }),
      await named({ first_name: `Anne-${mark}` }),
      await named({ last_name: `${mark} Ärger` }),
    ];
    expect(await found({ search: mark })).toEqual(new Set(ids));
    expect(await found({ search: ` ${mark.toUpperCase()} ` })).toEqual(new Set(ids));
    expect(await found({ search: `${mark} äRGER` })).toEqual(new Set(ids.slice(3)));
    expect(await found({ search: `${mark}${mark}` })).toEqual(new Set());
  });

  test('%, _ and \\ are searched as text', async () => {
    const [percent, underscore, backslash] = [
      await named({ first_name: '100%' }),
      await named({ username: 'snake_case' }),
      await named({ last_name: 'back\\slash' }),
    ];
    expect(await found({ search: '%' })).toEqual(new Set([percent]));
    expect(await found({ search: '_' })).toEqual(new Set([underscore]));
    expect(await found({ search: '\\' })).toEqual(new Set([backslash]));
    expect(await found({ search: 'snake%case' })).toEqual(new Set());
    expect(await found({ search: "' or true --" })).toEqual(new Set());
  });

  test('a long word is found as a whole, and not where its parts are separate', async () => {
    const mark = newName();
    const whole = await named({ last_name: `x${mark}annabelläy` });
    await named({ last_name: `${mark}ann-${mark}-abellä` });
    expect(await found({ search: `${mark}annabellä` })).toEqual(new Set([whole]));
    expect(await found({ search: `${mark}annabel` })).toEqual(new Set([whole]));
  });

  test('status, flags and group restrict the list', async () => {
    const group = await makeGroup(service);
    const [disabled, member, former] = [
      await named({ status: 'DISABLED' }),
      await named({ is_staff: true }),
      await makeUser(service),
    ];
    await database.query(
      `insert into user_groups values ($1, $3, null), ($2, $3, now() - interval '1 second')`,
      [member, former, group],
    );
    expect(await found({ status: 'DISABLED' })).toEqual(new Set([disabled]));
    expect(await found({ status: 'PENDING' })).toEqual(new Set());
    expect(await found({ isStaff: true })).toEqual(new Set([member]));
    expect(await found({ isSuperuser: true })).toEqual(new Set([root.userId]));
    expect(await found({ groupId: group })).toEqual(new Set([member]));
    expect(await found({ groupId: group, isStaff: false })).toEqual(new Set());
    expect(await errorOf(usersDocument, { filter: { groupId: 'x' } })).toMatchObject({
      fields: ['groupId'],
    });
  });

  test.each([
    ['filter', '{ users(filter: {passwordHash: "x"}) { nodes { id } } }'],
    ['filter by operator', '{ users(filter: {search: {ne: "x"}}) { nodes { id } } }'],
    ['order', '{ users(orderBy: {field: PASSWORD_HASH, direction: ASC}) { nodes { id } } }'],
    ['field', '{ users { nodes { passwordHash } } }'],
  ])('there is no %s by a secret (G08, G09)', async (_what, document) => {
    const { status, errors } = await send(document);
    expect([status, errors?.[0]?.extensions?.code]).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
  });

  test('usersWithPermission has pages too', async () => {
    const holders = [await makeUser(service), await makeUser(service), await makeUser(service)];
    for (const id of holders) await setPermissions(service, id, ['tea.brew']);
    const document = `query ($after: String) {
      result: usersWithPermission(permission: "tea.brew", first: 1, after: $after) { nodes { id } totalCount pageInfo { hasNextPage endCursor } }
    }`;
    const found: string[] = [];
    for (let after: string | null = null; ; ) {
      const { data } = await send(document, { after });
      expect(data.result.totalCount).toBe(4);
      found.push(data.result.nodes[0].id);
      after = data.result.pageInfo.endCursor;
      if (!data.result.pageInfo.hasNextPage) break;
    }
    expect(found.toSorted()).toEqual([...holders, root.userId].toSorted());
  });
});
