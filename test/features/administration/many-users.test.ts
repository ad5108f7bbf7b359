/** Lists of 100,000 users: query plans with indexes, and all pages during inserts and deletes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RequestContext } from '../../../src/core/request-context.ts';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../../support/database-wire.ts';
import { withoutSearchIndex } from '../../support/search-index.ts';
import { startService, type TestService } from '../../support/service.ts';
import { sessionIdOf } from '../../support/session-calls.ts';

const population = 100_000;

let database: TestDatabase;
let wire: DatabaseWire;
let service: TestService;
let root: Administrator;

beforeAll(async () => {
  database = await createTestDatabase();
  wire = await openDatabaseWire(database.url);
  service = await startService({ database, environment: { DATABASE_URL: wire.url } });
  root = await superuser(service);
  // Ten users share each time, so that the order of ids counts. Every fifth is deleted later.
  await withoutSearchIndex(database.query, () =>
    database.query(
      `insert into users (id, email, first_name, last_name, status, created_at, updated_at)
       select gen_random_uuid(), 'user' || n || '@example.com', 'Grace',
         case when n % 5 = 0 then 'Leaving' else 'Hopper' end, 'ACTIVE',
         timestamptz '2026-01-01' + n / 10 * interval '1 second', now()
       from generate_series(1, $1) n`,
      [population],
    ),
  );
  await database.query('analyze users');
});
afterAll(async () => {
  await service.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

/** The query plan of the list. */
async function planOf(variables: object): Promise<string> {
  wire.statements.length = 0;
  const response = await service.graphql(
    `query ($filter: UserFilter, $orderBy: UserOrder, $after: String) {
      users(filter: $filter, orderBy: $orderBy, after: $after) { nodes { id } pageInfo { endCursor } }
    }`,
    variables,
    root.accessToken,
  );
  expect(response.errors).toBeUndefined();
  const statement = wire.statements.find((it) => /select t\.id/.test(it)) ?? '';
  const rows = await database.query<{ 'QUERY PLAN': string }>(`explain ${statement}`, [
    ...wire.valuesOf(statement),
  ]);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

test('a selective search is served by its index', async () => {
  const plan = await planOf({ filter: { search: 'user77123@' } });
  expect(plan).toContain('users_search_index');
});

test.each([
  ['CREATED_AT', '2026-01-01 01:00:00+00'],
  ['UPDATED_AT', '2026-01-01 01:00:00+00'],
  ['EMAIL', 'user5'],
])('a page in the middle by %s is read from an index', async (field, value) => {
  const id = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
  const after = Buffer.from(JSON.stringify([field.toLowerCase(), value, id])).toString('base64url');
  const orderBy = { field, direction: 'DESC' };
  const plan = await planOf({ orderBy, after });
  expect(plan).toMatch(/Index (Only )?Scan/);
  expect(plan).not.toContain('Seq Scan');
});

test('the largest page is 100', async () => {
  const { data } = await service.graphql(
    '{ users(first: 1000000) { nodes { id } } }',
    {},
    root.accessToken,
  );
  expect(data.users.nodes).toHaveLength(100);
  const response = await service.rest('GET', '/admin/users/?limit=1000000', {
    token: root.accessToken,
  });
  expect(response.body.data).toHaveLength(100);
});

function rootContext(): RequestContext {
  const now = new Date();
  return {
    client: { ipAddress: '127.0.0.1', userAgent: 'test', locale: 'en', requestId: 'test' },
    actor: {
      kind: 'user',
      credential: { kind: 'session', id: sessionIdOf(root.accessToken) },
      groups: new Set(),
      permissions: new Set(),
      user: {
        id: root.userId,
        email: root.email,
        username: null,
        firstName: 'Ada',
        lastName: 'Lovelace',
        status: 'ACTIVE',
        isStaff: false,
        isSuperuser: true,
        pendingEmail: null,
        emailVerifiedAt: null,
        locale: null,
        externalId: null,
        metadata: {},
        createdAt: now,
        updatedAt: now,
        lastLoginAt: null,
      },
    },
  };
}

/** The test reads the last fifth of the list, with the oldest accounts. */
const walked = 20_000;
const walkedBefore = '2026-01-01 00:33:20+00';

/** Deletes and inserts eighty users in the part of the list that the test reads. */
async function changeUsers(round: number): Promise<void> {
  await database.query(
    `delete from users where id in (
       select id from users
       where last_name = 'Leaving' and email like $1 and created_at < $2 limit 80)`,
    [`user${(round % 9) + 1}%`, walkedBefore],
  );
  await database.query(
    `insert into users (id, email, first_name, last_name, status, created_at, updated_at)
     select gen_random_uuid(), 'new' || $1 || '-' || n || '@example.com', 'Jean', 'Coming', 'ACTIVE',
       timestamptz '2026-01-01' + n * 24 * interval '1 second', now()
     from generate_series(1, 80) n`,
    [round],
  );
}

const timeoutMs = 120_000;

test('all pages contain each permanent user exactly once during inserts and deletes', {
  timeout: timeoutMs,
}, async () => {
  const context = rootContext();
  const listed: string[] = [];
  const start = ['created_at', walkedBefore, '00000000-0000-0000-0000-000000000000'];
  let after: string | null = Buffer.from(JSON.stringify(start)).toString('base64url');
  for (let round = 0; ; round += 1) {
    const { nodes, pageInfo } = await service.app.unitOfWork.withEntityManager(() =>
      service.app.admin.directory.users(
        { page: { first: 100, after }, filter: {}, orderBy: {} },
        context,
      ),
    );
    listed.push(...nodes.map(({ id }) => id));
    if (!pageInfo.hasNextPage) break;
    after = pageInfo.endCursor;
    if (round % 10 === 0) await changeUsers(round);
  }
  const once = new Set(listed);
  expect(once.size, 'no user is listed twice').toBe(listed.length);
  const stayed = await database.query<{ id: string }>(
    `select id from users where last_name not in ('Leaving', 'Coming') and created_at < $1`,
    [walkedBefore],
  );
  expect(stayed.length).toBeGreaterThanOrEqual(walked * 0.8 - 10);
  expect(stayed.filter(({ id }) => !once.has(id))).toEqual([]);
  expect(listed.length).toBeGreaterThan(stayed.length);
});
