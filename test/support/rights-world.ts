/** The users, groups and permissions at the start of a sequence of the model test. */
import type { TestDatabase } from './database.ts';

type Query = TestDatabase['query'];

export const ends = [null, new Date('2098-01-01'), new Date('2099-01-01')] as const;
export const actors = ['chief', 'ann', 'bob', 'cid', 'dan', 'pat'] as const;
/** Service accounts. Without a session, each acts with an unlimited or a limited key. */
export const robots = ['rob', 'rex', 'roy'] as const;
export const others = ['una', 'uwe', 'vic', 'wim'] as const;
export const codes = ['a.x', 'a.y', 'a.*', '*', 'users.*'];
const administrative = [
  ...['user', 'group', 'permission', 'service_account'].flatMap((thing) =>
    ['add', 'change', 'delete'].map((verb) => `users.${verb}_${thing}`),
  ),
  'users.erase_user',
];
export const groupNames = ['Editors', 'Sellers', 'Temps', 'Chiefs'];

/** Staff by name: direct grants, and one group with the index of the end of its membership. */
const staffOf = {
  ann: { direct: [...administrative, 'a.*'], group: 'Sellers', end: 1 },
  bob: { direct: ['users.change_user', 'users.change_group'], group: 'Temps', end: 1 },
  cid: { direct: [], group: 'Temps', end: 2 },
  dan: { direct: administrative, group: 'Editors', end: 0 },
} as const;

const permissionsOfGroups: Readonly<Record<string, readonly string[]>> = {
  Sellers: ['a.x'],
  Temps: [...administrative, 'a.y'],
  Chiefs: ['*'],
};

/** Resets the database to the start of a sequence. The group `Former` has been deleted. */
export async function insertWorld(query: Query): Promise<void> {
  await query("delete from groups where name <> 'Root'", []);
  await query('delete from permissions where not is_built_in', []);
  await query('delete from users', []);
  await query('delete from service_accounts', []);
  await query("delete from retired_group_names where name <> 'Former'", []);
  await query("insert into groups values (gen_random_uuid(), 'Former')", []);
  await query("delete from groups where name = 'Former'", []);
  await query(
    'insert into permissions select gen_random_uuid(), code, code from unnest($1::text[]) code',
    [codes],
  );
  await query('insert into groups select gen_random_uuid(), name from unnest($1::text[]) name', [
    groupNames,
  ]);
  for (const [name, held] of Object.entries(permissionsOfGroups))
    await insertGroupGrants(query, name, held);
  for (const name of [...actors, ...others]) await insertUser(query, name);
  for (const [name, { direct, group, end }] of Object.entries(staffOf)) {
    await insertGrants(query, name, direct);
    await insertMembership(query, name, group, ends[end]);
  }
  for (const name of ['pat', ...others]) await insertGrants(query, name, ['a.y']);
  await insertMembership(query, 'vic', 'Chiefs', null);
  await insertRobot(query, 'rob', { direct: [...administrative, 'a.*'], group: 'Editors' });
  await insertRobot(query, 'rex', { direct: ['users.change_service_account'], group: 'Temps' });
  await insertRobot(query, 'roy', { direct: ['a.y'], group: 'Chiefs' });
}

/** `roy` is disabled. */
async function insertRobot(
  query: Query,
  name: string,
  { direct, group }: { readonly direct: readonly string[]; readonly group: string },
): Promise<void> {
  const parameters = [name, direct, group];
  await query(
    `with s as (
       insert into service_accounts (id, client_id, name, created_at, disabled_at)
       values (gen_random_uuid(), $1, $1, now(), case when $1 = 'roy' then now() end) returning id
     ), p as (
       insert into service_account_permissions
       select s.id, p.id from s, permissions p where p.codename = any($2)
     ) insert into service_account_groups select s.id, g.id from s, groups g where g.name = $3`,
    parameters,
  );
}

const insertGroupGrants = (query: Query, name: string, held: readonly string[]) =>
  query(
    `insert into group_permissions select g.id, p.id from groups g, permissions p
     where g.name = $1 and p.codename = any($2)`,
    [name, held],
  );

const statuses: Readonly<Record<string, string>> = {
  una: 'PENDING',
  uwe: 'PENDING',
  vic: 'DISABLED',
  wim: 'DISABLED',
};

const insertUser = (query: Query, name: string) =>
  query(
    `with u as (
       insert into users (id, email, status, is_staff, is_superuser, created_at, updated_at)
       values (gen_random_uuid(), $1, $2, $3, $4, now(), now()) returning id
     ) insert into password_hashes select id, 'none', now() from u`,
    [
      `${name}@example.com`,
      statuses[name] ?? 'ACTIVE',
      name in staffOf || name === 'una',
      name === 'chief',
    ],
  );

const insertGrants = (query: Query, name: string, held: readonly string[]) =>
  query(
    `insert into user_permissions select u.id, p.id from users u, permissions p
     where u.email = $1 and p.codename = any($2)`,
    [`${name}@example.com`, held],
  );

const insertMembership = (query: Query, name: string, group: string, end: Date | null) =>
  query(
    `insert into user_groups select u.id, g.id, $3 from users u, groups g
     where u.email = $1 and g.name = $2`,
    [`${name}@example.com`, group, end],
  );
