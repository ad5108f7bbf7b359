/** Writes the memberships and direct permissions of imported people with a constant number of statements. */
import type { UnitOfWork } from '../../../database/transaction.ts';
import type { ImportedPerson } from '../validation/person.ts';
import type { AccessIds } from './access-names.ts';

const groupsSql = `
  insert into user_groups (user_id, group_id, expires_at)
  select user_id, group_id, expires_at
  from unnest(?::uuid[], ?::uuid[], ?::timestamptz[]) as membership (user_id, group_id, expires_at)
  on conflict (user_id, group_id) do update set expires_at = excluded.expires_at`;
const permissionsSql = `
  insert into user_permissions (user_id, permission_id)
  select user_id, permission_id from unnest(?::uuid[], ?::uuid[]) as added (user_id, permission_id)
  on conflict do nothing`;

/** The grants of a person by id; undefined for a list that the file does not give. */
export interface Links {
  readonly groups?: readonly { readonly groupId: string; readonly expiresAt: Date | null }[];
  readonly permissionIds?: readonly string[];
}

export function linksOf(
  { groups, permissions }: Pick<ImportedPerson, 'groups' | 'permissions'>,
  access: AccessIds,
): Links {
  // Two names of the file can be one group here.
  const byId =
    groups && new Map(groups.map(({ name, expiresAt }) => [idOf(access.groups, name), expiresAt]));
  const ids = permissions?.map((codename) => idOf(access.permissions, codename));
  return {
    ...(byId ? { groups: [...byId].map(([groupId, expiresAt]) => ({ groupId, expiresAt })) } : {}),
    ...(ids ? { permissionIds: ids } : {}),
  };
}

/** The name of an error after which the batch is stored again. */
export class OutdatedPlan extends Error {}

function idOf(ids: ReadonlyMap<string, string>, name: string): string {
  const id = ids.get(name);
  if (id === undefined) throw new OutdatedPlan('a group or permission of the batch has no id');
  return id;
}

/** Inserts memberships and direct permissions by the id of their user. */
export async function insertLinks(
  query: UnitOfWork['query'],
  links: ReadonlyMap<string, Links>,
): Promise<void> {
  const groups = [...links].flatMap(([userId, each]) =>
    (each.groups ?? []).map((group) => ({ userId, ...group })),
  );
  const permissions = [...links].flatMap(([userId, each]) =>
    (each.permissionIds ?? []).map((id) => ({ userId, id })),
  );
  if (groups.length > 0) {
    await query(groupsSql, [
      groups.map(({ userId }) => userId),
      groups.map(({ groupId }) => groupId),
      groups.map(({ expiresAt }) => expiresAt),
    ]);
  }
  if (permissions.length > 0) {
    await query(permissionsSql, [
      permissions.map(({ userId }) => userId),
      permissions.map(({ id }) => id),
    ]);
  }
}

/** The ids of the lists for the audit log. */
export function auditedLinks({ groups, permissionIds }: Links) {
  return {
    ...(groups ? { groupIds: groups.map(({ groupId }) => groupId) } : {}),
    ...(permissionIds ? { permissionIds } : {}),
  };
}
