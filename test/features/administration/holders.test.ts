/** The list of users with a permission: few holders are selected by id, many by a scan in the order of the page. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { startService, type TestService } from '../../support/service.ts';

/** More than the largest number that is selected by id. */
const holderCount = 5_100;

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  await service.database.query(
    `insert into users (id, email, first_name, last_name, status, created_at, updated_at)
     select gen_random_uuid(), 'holder' || n || '@example.com', 'Ada', n::text, 'ACTIVE',
       timestamptz '2026-01-01' + n * interval '1 second', now()
     from generate_series(1, $1::int) n`,
    [holderCount],
  );
  await service.database.query(
    `insert into permissions (id, codename, name) values
       (gen_random_uuid(), 'tea.brew', 'Brew'), (gen_random_uuid(), 'tea.*', 'All of tea'),
       (gen_random_uuid(), 'milk.pour', 'Pour')`,
  );
  await service.database.query(
    `insert into groups (id, name, description) values
       (gen_random_uuid(), 'Everyone', ''), (gen_random_uuid(), 'Former', '')`,
  );
  await service.database.query(
    `insert into group_permissions (group_id, permission_id) select g.id, p.id from groups g, permissions p
     where (g.name, p.codename) in (('Everyone', 'milk.pour'), ('Former', 'tea.brew'))`,
  );
  await service.database.query(
    `insert into user_groups (user_id, group_id, expires_at)
     select u.id, g.id, case g.name when 'Former' then now() end from users u, groups g
     where u.email like 'holder%' and g.name in ('Everyone', 'Former')`,
  );
  await service.database.query(
    `insert into user_permissions (user_id, permission_id) select u.id, p.id from users u, permissions p
     where (u.last_name, p.codename) in (('7', 'tea.brew'), ('7', 'tea.*'), ('9', 'tea.*'))`,
  );
});
afterAll(() => service.close());

async function pageOf(permission: string, after: string | null = null) {
  const { data } = await service.graphql(
    `query ($permission: String!, $after: String) {
      page: usersWithPermission(permission: $permission, first: 2, after: $after) {
        nodes { lastName } totalCount pageInfo { hasNextPage endCursor }
      }
    }`,
    { permission, after },
    root.accessToken,
  );
  const { nodes, totalCount, pageInfo } = data.page;
  return {
    names: nodes.map(({ lastName }: { lastName: string }) => lastName),
    totalCount,
    ...pageInfo,
  };
}

test('few holders are listed once each, by direct grants, wildcards and superuser status', async () => {
  const first = await pageOf('tea.brew');
  expect(first).toMatchObject({ totalCount: 3, hasNextPage: true });
  const second = await pageOf('tea.brew', first.endCursor);
  expect(second.hasNextPage).toBe(false);
  expect([...first.names, ...second.names].slice(1)).toEqual(['9', '7']);
});

test('many holders are listed newest first, with their number', async () => {
  const first = await pageOf('milk.pour');
  expect(first).toMatchObject({ totalCount: holderCount + 1, hasNextPage: true });
  const second = await pageOf('milk.pour', first.endCursor);
  expect([...first.names.slice(1), ...second.names]).toEqual(['5100', '5099', '5098']);
});
