/** The groups and permissions of users, and the check of a permission. */

import DataLoader from 'dataloader';
import { Problem } from '../../core/errors.ts';
import {
  type Actor,
  isUnlimitedSuperuser,
  limitOf,
  type RequestContext,
} from '../../core/request-context.ts';
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

  const effectivePermissionsOfUsers = async (userIds: readonly string[]) => {
    const rows = await query<{ id: string; codenames: string[] }>(
      `select u.id, ${effectivePermissionsSql} as codenames from users u where u.id = ${anyId}`,
      [userIds],
    );
    return new Map(rows.map(({ id, codenames }) => [id, codenames]));
  };

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
    effectivePermissionsOfUsers,
    async effectivePermissionsOf(userId) {
      return (await effectivePermissionsOfUsers([userId])).get(userId) ?? [];
    },
  };
}

export interface AccessLoaders {
  readonly groupsOfUser: DataLoader<string, Group[]>;
  readonly permissionsOfUser: DataLoader<string, Permission[]>;
  readonly permissionsOfGroup: DataLoader<string, Permission[]>;
  readonly effectivePermissionsOfUser: DataLoader<string, string[]>;
}

/** The loaders of a request, for the lifetime of its context. */
export type AccessLoadersOf = (context: RequestContext) => AccessLoaders;

/**
 * The largest number of list items in the answer to one request. The cost of an operation assumes short
 * lists, but each superuser on a page may have thousands of permissions.
 */
const maxItems = 50_000;

/** @throws VALIDATION_FAILED when the lists hold too many items together */
type CountItems = (lists: readonly (readonly unknown[])[]) => void;

function createItemCount(): CountItems {
  let left = maxItems;
  return (lists) => {
    left -= lists.reduce((sum, { length }) => sum + length, 0);
    if (left >= 0) return;
    const message = `Their groups and permissions are more than ${maxItems} items: request fewer at once.`;
    throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'first', message }] });
  };
}

export function createAccessLoaders(access: Access): AccessLoadersOf {
  const cached = new WeakMap<RequestContext, AccessLoaders>();
  return (context) => {
    const known = cached.get(context);
    if (known) return known;
    const count = createItemCount();
    const loaders = {
      groupsOfUser: loaderOf(access.groupsOfUsers, count),
      permissionsOfUser: loaderOf(access.permissionsOfUsers, count),
      permissionsOfGroup: loaderOf(access.permissionsOfGroups, count),
      effectivePermissionsOfUser: loaderOf(access.effectivePermissionsOfUsers, count),
    };
    cached.set(context, loaders);
    return loaders;
  };
}

function loaderOf<Thing>(
  load: (ids: readonly string[]) => Promise<ById<Thing>>,
  count: CountItems,
): DataLoader<string, Thing[]> {
  return new DataLoader(
    async (ids) => {
      const found = await load(ids);
      const lists = ids.map((id) => found.get(id) ?? []);
      count(lists);
      return lists;
    },
    // No cache: a mutation may change the rows between two fields.
    { cache: false },
  );
}
