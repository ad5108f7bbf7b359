/** The groups and permissions of users, and the check of a permission. */
import { type Actor, isUnlimitedSuperuser, limitOf } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { Group, Permission } from './access.entities.ts';

/**
 * Whether the actor has the permission: the owner holds it, and an API key with a limit includes it.
 * Superusers hold every permission.
 */
export function holdsPermission(actor: Actor, permission: string): boolean {
  if (isUnlimitedSuperuser(actor)) return true;
  const limit = limitOf(actor);
  const isHeld =
    (actor.kind === 'user' && actor.user.isSuperuser) ||
    includesPermission(actor.permissions, permission);
  return isHeld && (limit === null || includesPermission(limit, permission));
}

function includesPermission(grants: ReadonlySet<string>, permission: string): boolean {
  if (grants.has(permission)) return true;
  for (const grant of grants) {
    if (grant.includes('*') && matchesGrant(grant, permission)) return true;
  }
  return false;
}

/** Whether `grant`, in which `*` stands for any run of characters, covers `permission`. */
export function matchesGrant(grant: string, permission: string): boolean {
  const [first = '', ...rest] = grant.split('*');
  const last = rest.pop();
  if (last === undefined) return grant === permission;
  if (!permission.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = permission.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return permission.length - last.length >= at && permission.endsWith(last);
}

/** Lists of items by the id of the user or group that has them. An owner without items has no entry. */
export type ById<Thing> = ReadonlyMap<string, Thing[]>;

/** Each function loads many lists with two statements: one for the links, one for the items. */
export interface Access {
  groupsOfUsers(userIds: readonly string[]): Promise<ById<Group>>;
  permissionsOfUsers(userIds: readonly string[]): Promise<ById<Permission>>;
  permissionsOfGroups(groupIds: readonly string[]): Promise<ById<Permission>>;
  /** Codes granted directly and through groups; for superusers all codes. */
  effectivePermissionsOf(userId: string): Promise<string[]>;
  effectivePermissionsOfUsers(userIds: readonly string[]): Promise<ById<string>>;
  groupsOfServiceAccounts(ids: readonly string[]): Promise<ById<Group>>;
  permissionsOfServiceAccounts(ids: readonly string[]): Promise<ById<Permission>>;
  effectivePermissionsOfServiceAccounts(ids: readonly string[]): Promise<ById<string>>;
}

/** SQL: whether the membership in the row `alias` of `user_groups` has not expired. */
export const isCurrent = (alias: string) =>
  `(${alias}.expires_at is null or ${alias}.expires_at > now())`;

/** SQL: the effective permission codes of the user in the row `u`, sorted. */
export const effectivePermissionsSql = `array(
  select p.codename from permissions p
  where u.is_superuser
    or p.id in (select permission_id from user_permissions where user_id = u.id)
    or p.id in (
      select gp.permission_id from group_permissions gp
      join user_groups ug on ug.group_id = gp.group_id
      where ug.user_id = u.id and ${isCurrent('ug')}
    )
  order by p.codename
)`;

/** SQL: the effective permission codes of the service account in the row `s`, sorted. */
export const serviceAccountPermissionsSql = `array(
  select p.codename from permissions p
  where p.id in (
      select permission_id from service_account_permissions where service_account_id = s.id
    )
    or p.id in (
      select gp.permission_id from group_permissions gp
      join service_account_groups sg on sg.group_id = gp.group_id
      where sg.service_account_id = s.id
    )
  order by p.codename
)`;

/** SQL: a grant as a pattern for `like`, in which `*` stands for any run of characters. */
const grantPattern =
  "replace(replace(replace(replace(p.codename, '\\', '\\\\'), '%', '\\%'), '_', '\\_'), '*', '%')";

/** SQL: whether the user in the row `alias` holds a permission. It has the parameter `?` twice. */
export const holdersSql = (alias: string) => `(
  ${alias}.is_superuser
  or exists (
    select 1 from user_permissions up join permissions p on p.id = up.permission_id
    where up.user_id = ${alias}.id and ? like ${grantPattern}
  )
  or exists (
    select 1 from user_groups ug
      join group_permissions gp on gp.group_id = ug.group_id
      join permissions p on p.id = gp.permission_id
    where ug.user_id = ${alias}.id and ${isCurrent('ug')}
      and ? like ${grantPattern}
  )
)`;

/** SQL: the ids of all holders, possibly repeated. It reads the holders only; `holdersSql` reads every user. */
export const holderIdsSql = `
  select u.id from users u where u.is_superuser
  union all
  select up.user_id from user_permissions up
  where up.permission_id in (select p.id from permissions p where ? like ${grantPattern})
  union all
  select ug.user_id from user_groups ug
  where ${isCurrent('ug')} and ug.group_id in (
    select gp.group_id from group_permissions gp join permissions p on p.id = gp.permission_id
    where ? like ${grantPattern}
  )`;

interface Link {
  readonly owner: string;
  readonly item: string;
}

const anyId = 'any(?::uuid[])';

export function createAccess({ em, query }: UnitOfWork): Access {
  const follow = async <Thing extends { id: string }>(
    linksSql: string,
    ownerIds: readonly string[],
    load: (ids: string[]) => Promise<Thing[]>,
  ): Promise<ById<Thing>> => {
    const links = await query<Link>(linksSql, [ownerIds]);
    const byItem = Map.groupBy(links, ({ item }) => item);
    const things = await load([...byItem.keys()]);
    // In the order of the loaded items, which are sorted.
    const owned = things.flatMap((thing) =>
      (byItem.get(thing.id) ?? []).map(({ owner }) => ({ owner, thing })),
    );
    const byOwner = new Map<string, Thing[]>();
    for (const { owner, thing } of owned) {
      const before = byOwner.get(owner);
      if (before) before.push(thing);
      else byOwner.set(owner, [thing]);
    }
    return byOwner;
  };

  const loadPermissions = (ids: string[]) =>
    em.find(Permission, { id: ids }, { orderBy: { codename: 'asc' } });

  const readCodes = async (sql: string, ids: readonly string[]) => {
    const rows = await query<{ id: string; codes: string[] }>(sql, [ids]);
    return new Map(rows.map(({ id, codes }) => [id, codes]));
  };

  const effectivePermissionsOfUsers = (userIds: readonly string[]) =>
    readCodes(
      `select u.id, ${effectivePermissionsSql} as codes from users u where u.id = ${anyId}`,
      userIds,
    );

  return {
    groupsOfUsers: (userIds) =>
      follow(
        `select user_id as owner, group_id as item from user_groups
         where user_id = ${anyId} and ${isCurrent('user_groups')}`,
        userIds,
        (ids) => em.find(Group, { id: ids }, { orderBy: { name: 'asc' } }),
      ),
    permissionsOfUsers: (userIds) =>
      follow(
        `select user_id as owner, permission_id as item from user_permissions where user_id = ${anyId}`,
        userIds,
        loadPermissions,
      ),
    permissionsOfGroups: (groupIds) =>
      follow(
        `select group_id as owner, permission_id as item from group_permissions where group_id = ${anyId}`,
        groupIds,
        loadPermissions,
      ),
    groupsOfServiceAccounts: (ids) =>
      follow(
        `select service_account_id as owner, group_id as item from service_account_groups
         where service_account_id = ${anyId}`,
        ids,
        (groupIds) => em.find(Group, { id: groupIds }, { orderBy: { name: 'asc' } }),
      ),
    permissionsOfServiceAccounts: (ids) =>
      follow(
        `select service_account_id as owner, permission_id as item from service_account_permissions
         where service_account_id = ${anyId}`,
        ids,
        loadPermissions,
      ),
    effectivePermissionsOfServiceAccounts: (ids) =>
      readCodes(
        `select s.id, ${serviceAccountPermissionsSql} as codes from service_accounts s
         where s.id = ${anyId}`,
        ids,
      ),
    effectivePermissionsOfUsers,
    async effectivePermissionsOf(userId) {
      return (await effectivePermissionsOfUsers([userId])).get(userId) ?? [];
    },
  };
}
