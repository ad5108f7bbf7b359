/** Permissions: grants, wildcards, groups, Root and superusers. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { matchesGrant } from '../../../src/features/access/access.ts';
import { makeGroup, newName } from '../../support/administrators.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function grant(userId: string, codename: string): Promise<void> {
  await service.database.query(
    `insert into permissions (id, codename, name) values (gen_random_uuid(), $1, $1) on conflict do nothing`,
    [codename],
  );
  await service.database.query(
    'insert into user_permissions select $1, id from permissions where codename = $2',
    [userId, codename],
  );
}

async function send(accessToken: string, permission: string, group = 'Root') {
  const { data } = await service.graphql(
    'query ($permission: String!, $group: String!) { hasPermission(permission: $permission) hasGroup(name: $group) me { effectivePermissions groups { name description permissions { codename isBuiltIn } } permissions { codename } } }',
    { permission, group },
    accessToken,
  );
  return data;
}

test.each([
  ['users.*', 'users.view_user', true],
  ['*', 'anything.at_all', true],
  ['users.*_user', 'users.view_user', true],
  ['users.*_user', 'users.view_group', false],
  ['a*a', 'a', false],
  ['users.', 'users.view_user', false],
  ['*.view_*', 'shop.view_order', true],
  ['*b*', 'abc', true],
])('the grant %s covers %s: %s', (pattern, permission, isCovered) => {
  expect(matchesGrant(pattern, permission)).toBe(isCovered);
});

test('a grant matches the same permissions as its regular expression', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, letters, (text, permission) => {
      const source = text.replaceAll('.', '\\.').replaceAll('*', '.*');
      expect(matchesGrant(text, permission)).toBe(new RegExp(`^${source}$`).test(permission));
    }),
    { numRuns: 2000 },
  );
});

test('a user has a permission that is granted directly, by a wildcard or through a group', async () => {
  const { accessToken, userId } = await somebody(service);
  expect(await send(accessToken, 'shop.view_order')).toMatchObject({
    hasPermission: false,
    me: { effectivePermissions: [], groups: [], permissions: [] },
  });
  await grant(userId, 'shop.*');
  expect(await send(accessToken, 'shop.view_order')).toMatchObject({
    hasPermission: true,
    me: { effectivePermissions: ['shop.*'], permissions: [{ codename: 'shop.*' }] },
  });
  const name = newName();
  const id = await makeGroup(service, ['users.delete_group'], name);
  await service.database.query('insert into user_groups values ($1, $2)', [userId, id]);
  const inGroup = await send(accessToken, 'users.delete_group', name);
  expect(inGroup).toMatchObject({ hasPermission: true, hasGroup: true });
  expect(inGroup.me.groups).toMatchObject([{ name, description: '' }]);
});

test('Root holds every built-in permission and every permission that is created later', async () => {
  await service.database.query(
    "insert into permissions (id, codename, name) values (gen_random_uuid(), 'late.one', 'Late')",
  );
  const [row] = await service.database.query<{ missing: string }>(
    `select count(*) as missing from permissions p where not exists (
       select 1 from group_permissions gp join groups g on g.id = gp.group_id
       where g.name = 'Root' and gp.permission_id = p.id)`,
  );
  expect(row?.missing).toBe('0');
  const builtIn = await service.database.query('select 1 from permissions where is_built_in');
  expect(builtIn).toHaveLength(18);
});

test('a superuser has every permission, also one that does not exist', async () => {
  const { accessToken, userId } = await somebody(service);
  await service.database.query('update users set is_superuser = true where id = $1', [userId]);
  const data = await send(accessToken, 'missing.permission');
  expect(data.hasPermission).toBe(true);
  expect(data.me.effectivePermissions).toContain('users.view_user');
  expect(data.hasGroup).toBe(true);
  expect(data.me.groups).toMatchObject([{ name: 'Root', description: 'Superusers Group' }]);
});
