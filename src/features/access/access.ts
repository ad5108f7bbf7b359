/** What somebody may do, and the groups and permissions that decide it. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Actor } from '../../core/actor.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { Group, rootGroupName } from './group.entity.ts';
import { Permission } from './permission.entity.ts';

/** Whether the person may do what `permission` stands for; superusers always may. */
export function holdsPermission(actor: Actor, permission: string): boolean {
  if (actor.person.isSuperuser || actor.permissions.has(permission)) return true;
  for (const grant of actor.permissions) {
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

export interface Access {
  groupsOf(userId: string): Promise<Group[]>;
  permissionsOf(userId: string): Promise<Permission[]>;
  permissionsOfGroup(groupId: string): Promise<Permission[]>;
  /** Codes granted directly and through groups; of superusers every one there is. */
  effectivePermissionsOf(userId: string): Promise<string[]>;
}

/** SQL: codes that count for the user in the row `u`, in order. */
export const effectivePermissionsSql = `array(
  select p.codename from permissions p
  where u.is_superuser
    or p.id in (select permission_id from user_permissions where user_id = u.id)
    or p.id in (
      select gp.permission_id from group_permissions gp
      join user_groups ug on ug.group_id = gp.group_id
      where ug.user_id = u.id and (ug.expires_at is null or ug.expires_at > now())
    )
  order by p.codename
)`;

/** SQL: a grant as a pattern for `like`, in which `*` stands for any run of characters. */
const grantPattern =
  "replace(replace(replace(replace(p.codename, '\\', '\\\\'), '%', '\\%'), '_', '\\_'), '*', '%')";

/** SQL: whether the user in the row `alias` holds a permission, which is asked for twice as `?`. */
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
    where ug.user_id = ${alias}.id and (ug.expires_at is null or ug.expires_at > now())
      and ? like ${grantPattern}
  )
)`;

export function createAccess({ em, query }: UnitOfWork): Access {
  return {
    async groupsOf(userId) {
      const ids = await query<{ id: string }>(
        `select group_id as id from user_groups
         where user_id = ? and (expires_at is null or expires_at > now())`,
        [userId],
      );
      return em.find(Group, { id: ids.map(({ id }) => id) }, { orderBy: { name: 'asc' } });
    },
    async permissionsOf(userId) {
      const ids = await query<{ id: string }>(
        'select permission_id as id from user_permissions where user_id = ?',
        [userId],
      );
      return em.find(Permission, { id: ids.map(({ id }) => id) }, { orderBy: { codename: 'asc' } });
    },
    async permissionsOfGroup(groupId) {
      const group = await em.findOneOrFail(Group, groupId, {
        populate: ['permissions'],
        orderBy: { permissions: { codename: 'asc' } },
      });
      return group.permissions.getItems();
    },
    async effectivePermissionsOf(userId) {
      const [row] = await query<{ codenames: string[] }>(
        `select ${effectivePermissionsSql} as codenames from users u where u.id = ?`,
        [userId],
      );
      return row?.codenames ?? [];
    },
  };
}

/** Makes a superuser a member of the Root group, in the transaction at hand. */
export async function joinRoot(em: EntityManager, userId: string): Promise<void> {
  await em
    .getConnection()
    .execute(
      'insert into user_groups (user_id, group_id) select ?, id from groups where name = ? on conflict do nothing',
      [userId, rootGroupName],
      'all',
      em.getTransactionContext(),
    );
}
