/** Loads the current access of everything that a manifest names, and locks it for a change. */

import type { UnitOfWork } from '../../database/transaction.ts';
import { isCurrent } from '../access/access.ts';
import type { CurrentAccess } from './diff.ts';
import type { AccessManifest, ManifestList } from './manifest.ts';

interface PermissionRow {
  readonly id: string;
  readonly codename: string;
  readonly name: string;
  readonly isBuiltIn: boolean;
}

interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly permissions: ReadonlySet<string>;
}

interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly isSuperuser: boolean;
  readonly groups: ReadonlySet<string>;
  readonly permissions: ReadonlySet<string>;
}

/** The current access with the ids of the rows. */
export interface AccessRows extends CurrentAccess {
  readonly permissions: Map<string, PermissionRow>;
  readonly groups: Map<string, GroupRow>;
  readonly users: ReadonlyMap<string, UserRow>;
}

interface ManifestNames {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
}

const isNamed = '= any(?::text[])';

/** The order of the locks is that of `updateUser` and `updateGroup`. */
const locks = [
  ['users', `select 1 from users where email ${isNamed} order by id for update`],
  ['groups', `select 1 from groups where name ${isNamed} order by id for no key update`],
  ['permissions', `select 1 from permissions where codename ${isNamed} order by id for key share`],
] as const;

/** Locks the rows of all names. Needs a transaction. */
export async function lockAccess(query: UnitOfWork['query'], names: ManifestNames): Promise<void> {
  for (const [kind, sql] of locks) await query(sql, [names[kind]]);
}

/** The current groups of the users are loaded too, because a superuser stays in the Root group. */
export async function loadAccess(
  query: UnitOfWork['query'],
  names: ManifestNames,
): Promise<AccessRows> {
  const users = await loadUsers(query, names.users);
  const currentGroups = [...users.values()].flatMap(({ groups }) => [...groups]);
  return {
    users,
    groups: await loadGroups(query, [...new Set([...names.groups, ...currentGroups])]),
    permissions: await loadPermissions(query, names.permissions),
  };
}

async function loadPermissions(query: UnitOfWork['query'], codenames: readonly string[]) {
  const rows = await query<PermissionRow>(
    `select id, codename, name, is_built_in as "isBuiltIn" from permissions
     where codename ${isNamed}`,
    [codenames],
  );
  return new Map(rows.map((row) => [row.codename, row]));
}

async function loadGroups(query: UnitOfWork['query'], names: readonly string[]) {
  const rows = await query<Omit<GroupRow, 'permissions'> & { permissions: string[] }>(
    `select g.id, g.name, g.description, array(
       select p.codename from group_permissions gp join permissions p on p.id = gp.permission_id
       where gp.group_id = g.id) as permissions
     from groups g where g.name ${isNamed}`,
    [names],
  );
  return new Map(rows.map((row) => [row.name, { ...row, permissions: new Set(row.permissions) }]));
}

async function loadUsers(query: UnitOfWork['query'], emails: readonly string[]) {
  const rows = await query<
    Omit<UserRow, 'groups' | 'permissions'> & { groups: string[]; permissions: string[] }
  >(
    `select u.id, u.email, u.is_superuser as "isSuperuser", array(
       select g.name from user_groups ug join groups g on g.id = ug.group_id
       where ug.user_id = u.id and ${isCurrent('ug')}) as groups,
     array(
       select p.codename from user_permissions up join permissions p on p.id = up.permission_id
       where up.user_id = u.id) as permissions
     from users u where u.email ${isNamed}`,
    [emails],
  );
  return new Map(
    rows.map((row) => [
      row.email,
      { ...row, groups: new Set(row.groups), permissions: new Set(row.permissions) },
    ]),
  );
}

/** All names of the manifest: keys and items of lists. */
export function namesIn({ permissions, groups, users }: AccessManifest): ManifestNames {
  const listsOf = (lists: readonly (ManifestList | undefined)[]) =>
    lists.flatMap((list) => (list ? [...list.keys()] : []));
  const owners = [...groups.values(), ...users.values()];
  const codenames = listsOf(owners.map((owner) => owner.permissions));
  const groupNames = listsOf([...users.values()].map((user) => user.groups));
  return {
    users: [...users.keys()],
    groups: [...new Set([...groups.keys(), ...groupNames])],
    permissions: [...new Set([...permissions.keys(), ...codenames])],
  };
}
