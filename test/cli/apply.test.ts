/** `apply`: an access manifest sets groups, permissions and grants. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseManifest } from '../../src/features/access-manifest/manifest.ts';
import { environmentOf, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

let database: TestDatabase;
let environment: Variables;
let directory: string;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
  directory = makeScratchDirectory('apply');
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await database.drop();
});
beforeEach(async () => {
  await database.query('delete from users');
  await database.query("delete from groups where name <> 'Root'");
  await database.query('delete from permissions where not is_built_in');
});

/** Writes a manifest, and runs `apply` with it. */
async function apply(yaml: string, ...options: string[]) {
  const file = join(directory, `${randomUUID()}.yaml`);
  await writeFile(file, yaml);
  return runCommand(['apply', '-f', file, ...options], { environment });
}

async function addUser(email: string, isSuperuser = false): Promise<void> {
  await database.query(
    `insert into users (id, email, first_name, last_name, status, is_staff, is_superuser, created_at, updated_at)
     values (gen_random_uuid(), $1, '', '', 'ACTIVE', $2, $2, now(), now())`,
    [email, isSuperuser],
  );
}

/** Adds a member, with an optional end. */
async function enter(email: string, group: string, expiresAt: string | null = null) {
  await database.query(
    `insert into user_groups (user_id, group_id, expires_at)
     select u.id, g.id, $3 from users u, groups g where u.email = $1 and g.name = $2`,
    [email, group, expiresAt],
  );
}

async function addGroup(name: string, codename: string): Promise<void> {
  await database.query(
    "insert into groups (id, name, description) values (gen_random_uuid(), $1, 'kept')",
    [name],
  );
  await database.query(
    `insert into group_permissions select g.id, p.id from groups g, permissions p
     where g.name = $1 and p.codename = $2`,
    [name, codename],
  );
}

/** The state of everything except Root, by name. */
async function holdings() {
  const groups = await database.query(
    `select g.name, g.description, array(
       select p.codename from permissions p join group_permissions gp on gp.permission_id = p.id
       where gp.group_id = g.id order by 1) as permissions
     from groups g where g.name <> 'Root' order by 1`,
  );
  const users = await database.query(
    `select u.email, array(
       select g.name from groups g join user_groups ug on ug.group_id = g.id
       where ug.user_id = u.id order by 1) as groups, array(
       select p.codename from permissions p join user_permissions up on up.permission_id = p.id
       where up.user_id = u.id order by 1) as permissions
     from users u order by 1`,
  );
  return { groups, users };
}

const shop = `
permissions:
  shop.view_order: View orders
  shop.*: Everything in the shop
groups:
  Support:
    description: Answers customers
    permissions: [shop.view_order, users.view_user]
  Owners:
    permissions: ["shop.*"]
users:
  Ada@Example.com:
    groups: [Support]
    permissions: [users.view_group]
  root@example.com:
    groups: [Owners]
`;

const shopDifference = `+ permission shop.view_order "View orders"
+ permission shop.* "Everything in the shop"
+ group Support
+ group Support: description "Answers customers"
+ group Support: permission shop.view_order
+ group Support: permission users.view_user
+ group Owners
+ group Owners: permission shop.*
+ user ada@example.com: group Support
+ user ada@example.com: permission users.view_group
+ user root@example.com: group Owners
`;

test('the difference is shown, applied, and empty the second time', async () => {
  await addUser('ada@example.com');
  await addUser('root@example.com', true);

  const dry = await apply(shop, '--dry-run');
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toBe(`${shopDifference}11 changes to make; nothing was changed.\n`);
  expect((await holdings()).groups).toEqual([]);

  const created = await apply(shop);
  expect(created).toMatchObject({ code: 0, stderr: '' });
  expect(created.stdout).toBe(`${shopDifference}11 changes made.\n`);
  expect(await holdings()).toEqual({
    groups: [
      { name: 'Owners', description: '', permissions: ['shop.*'] },
      {
        name: 'Support',
        description: 'Answers customers',
        permissions: ['shop.view_order', 'users.view_user'],
      },
    ],
    users: [
      { email: 'ada@example.com', groups: ['Support'], permissions: ['users.view_group'] },
      // The manifest cannot remove Root.
      { email: 'root@example.com', groups: ['Owners', 'Root'], permissions: [] },
    ],
  });

  const { stdout } = await apply(shop, '--json');
  expect(JSON.parse(stdout)).toEqual({ isDryRun: false, changes: [] });
});

test('objects and fields that are not in the file stay, and named sets are exact', async () => {
  await addUser('ada@example.com');
  await addUser('bob@example.com');
  await addGroup('Mine', 'users.view_user');
  await addGroup('Theirs', 'users.view_group');
  await enter('ada@example.com', 'Theirs');
  await enter('bob@example.com', 'Theirs');
  const { code, stdout } = await apply(
    'groups: {Mine: {permissions: [users.add_user]}}\nusers: {ada@example.com: {groups: [Mine]}, bob@example.com: {permissions: []}}',
  );
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `- group Mine: permission users.view_user
+ group Mine: permission users.add_user
- user ada@example.com: group Theirs
+ user ada@example.com: group Mine
4 changes made.
`,
  });
  expect(await holdings()).toEqual({
    groups: [
      { name: 'Mine', description: 'kept', permissions: ['users.add_user'] },
      { name: 'Theirs', description: 'kept', permissions: ['users.view_group'] },
    ],
    users: [
      { email: 'ada@example.com', groups: ['Mine'], permissions: [] },
      { email: 'bob@example.com', groups: ['Theirs'], permissions: [] },
    ],
  });
});

test('an ended membership is granted again, and a future end stays', async () => {
  await addUser('ada@example.com');
  await addGroup('Past', 'users.view_user');
  await addGroup('Coming', 'users.view_user');
  await enter('ada@example.com', 'Past', '2020-01-01T00:00:00Z');
  await enter('ada@example.com', 'Coming', '2100-01-01T00:00:00Z');
  const yaml = 'users: {ada@example.com: {groups: [Past, Coming]}}';
  const { stdout } = await apply(yaml);
  expect(stdout).toBe('+ user ada@example.com: group Past\n1 change made.\n');
  const ends = await database.query(
    `select name, expires_at from user_groups join groups on groups.id = group_id order by name`,
  );
  expect(ends).toEqual([
    { name: 'Coming', expires_at: new Date('2100-01-01T00:00:00Z') },
    { name: 'Past', expires_at: null },
  ]);
  expect((await apply(yaml)).stdout).toBe('Nothing to do.\n');
});

test('every fault in the file is reported with its path', () => {
  const file = {
    permissions: { 'a b': 'x', 'shop.new': '' },
    group: {},
    groups: { Support: { permissions: 'shop.new', members: [] }, Sales: { permissions: [1] } },
    users: { ada: {}, 'ADA@example.com': {}, 'ada@example.com': { groups: null } },
  };
  expect(() => parseManifest(file)).toThrow(
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      fields: [
        'group',
        'permissions["a b"]',
        'permissions["shop.new"]',
        'groups.Support.members',
        'groups.Support.permissions',
        'groups.Sales.permissions[0]',
        'users.ada',
        'users["ada@example.com"].groups',
        'users["ada@example.com"]',
      ].map((path) => ({ path, message: expect.any(String) })),
    }),
  );
});

test('unknown users, groups and permissions are reported with their paths, and nothing changes', async () => {
  await addUser('ada@example.com');
  const { code, stdout, stderr } = await apply(`
permissions: {shop.new: New}
groups: {Support: {permissions: [shop.new, shop.old]}}
users: {nobody@example.com: {}, ada@example.com: {groups: [Ghosts]}}
`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr.split('\n').slice(1)).toEqual([
    '  groups.Support.permissions[1]: There is no such permission.',
    '  users["nobody@example.com"]: There is no account with this address.',
    '  users["ada@example.com"].groups[0]: There is no such group.',
    '',
  ]);
  expect((await holdings()).groups).toEqual([]);
});

test('Root and built-in permissions are protected', async () => {
  await addUser('ada@example.com');
  const { code, stdout, stderr } = await apply(`
permissions: {users.view_user: Something else}
groups: {Root: {permissions: []}}
users: {ada@example.com: {groups: [Root]}}
`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^PROTECTED: /);
  expect(stderr.match(/^ {2}\S+/gm)).toEqual([
    '  permissions["users.view_user"]:',
    '  groups.Root:',
    '  users["ada@example.com"].groups[0]:',
  ]);
});

test('a file that is not YAML is refused with its line, and a missing file is wrong usage', async () => {
  const [broken, missing] = await Promise.all([
    apply('groups:\n  A: [\n'),
    runCommand(['apply', '-f', join(directory, 'none.yaml')], { environment }),
  ]);
  expect(broken).toMatchObject({ code: 1, stdout: '' });
  expect(broken.stderr).toMatch(/^VALIDATION_FAILED: .*\n {2}the file: .* line \d+/);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
});

test('of three concurrent runs one applies the changes and the others have nothing to do', async () => {
  await addUser('ada@example.com');
  await addUser('root@example.com', true);
  const results = await Promise.all(Array.from({ length: 3 }, () => apply(shop)));
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  const idle = results.filter(({ stdout }) => stdout === 'Nothing to do.\n');
  expect(idle).toHaveLength(2);
});
