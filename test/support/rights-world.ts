/** The people, groups and permissions that games of the model of rights begin with. */
import type { TestDatabase } from './database.ts';

type Put = TestDatabase['query'];

export const ends = [null, new Date('2098-01-01'), new Date('2099-01-01')] as const;
export const actors = ['chief', 'ann', 'bob', 'cid', 'dan', 'pat'] as const;
export const others = ['una', 'uwe', 'vic', 'wim'] as const;
export const codes = ['a.x', 'a.y', 'a.*', '*', 'users.*'];
const administrative = ['user', 'group', 'permission'].flatMap((thing) =>
  ['add', 'change', 'delete'].map((verb) => `users.${verb}_${thing}`),
);
export const groupNames = ['Editors', 'Sellers', 'Temps', 'Chiefs'];

/** Staff by name: what they hold for good, and in which group until when. */
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

/** Everything as it is at the beginning of a game; a group `Former` has been deleted. */
export async function putWorld(put: Put): Promise<void> {
  await put("delete from groups where name <> 'Root'", []);
  await put('delete from permissions where not is_built_in', []);
  await put('delete from users', []);
  await put("delete from retired_group_names where name <> 'Former'", []);
  await put("insert into groups values (gen_random_uuid(), 'Former')", []);
  await put("delete from groups where name = 'Former'", []);
  await put(
    'insert into permissions select gen_random_uuid(), code, code from unnest($1::text[]) code',
    [codes],
  );
  await put('insert into groups select gen_random_uuid(), name from unnest($1::text[]) name', [
    groupNames,
  ]);
  for (const [name, held] of Object.entries(permissionsOfGroups)) await putGroup(put, name, held);
  for (const name of [...actors, ...others]) await putUser(put, name);
  for (const [name, { direct, group, end }] of Object.entries(staffOf)) {
    await putGrants(put, name, direct);
    await putMembership(put, name, group, ends[end]);
  }
  for (const name of ['pat', ...others]) await putGrants(put, name, ['a.y']);
  await putMembership(put, 'vic', 'Chiefs', null);
}

const putGroup = (put: Put, name: string, held: readonly string[]) =>
  put(
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

const putUser = (put: Put, name: string) =>
  put(
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

const putGrants = (put: Put, name: string, held: readonly string[]) =>
  put(
    `insert into user_permissions select u.id, p.id from users u, permissions p
     where u.email = $1 and p.codename = any($2)`,
    [`${name}@example.com`, held],
  );

const putMembership = (put: Put, name: string, group: string, end: Date | null) =>
  put(
    `insert into user_groups select u.id, g.id, $3 from users u, groups g
     where u.email = $1 and g.name = $2`,
    [`${name}@example.com`, group, end],
  );
