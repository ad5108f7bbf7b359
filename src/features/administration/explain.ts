/** Why somebody may do something, or may not. */

import { Problem } from '../../core/errors.ts';
import { parseFields, parseId, parseLookupName } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { matchesGrant } from '../access/access.ts';
import { requireAdministrator } from './policies.ts';

export type PathKind = 'SUPERUSER' | 'DIRECT' | 'GROUP';

/** One way by which a permission is held. */
export interface PermissionPath {
  readonly kind: PathKind;
  /** The grant that covers it, maybe by a `*`; none for superusers. */
  readonly grant: string | null;
  /** Name of the group that gives it. */
  readonly group: string | null;
}

export type ObstacleKind =
  | 'NOT_ACTIVE'
  | 'NOT_STAFF'
  | 'MEMBERSHIP_ENDED'
  | 'NO_GRANT'
  | 'NO_SUCH_PERMISSION';

/** One reason for which a permission is not held, or cannot be used. */
export interface PermissionObstacle {
  readonly kind: ObstacleKind;
  /** Of a membership that has ended: the group, its grant that covers the permission, and when. */
  readonly group: string | null;
  readonly grant: string | null;
  readonly endedAt: Date | null;
}

export interface Explanation {
  /** Whether the permission is held. */
  readonly isAllowed: boolean;
  readonly paths: readonly PermissionPath[];
  readonly obstacles: readonly PermissionObstacle[];
}

export interface Explain {
  /** @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  explainPermission(
    userId: unknown,
    permission: unknown,
    context: RequestContext,
  ): Promise<Explanation>;
}

const grantsSql = `
  select null as "group", p.codename as grant, null::timestamptz as "endedAt"
  from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = ?
  union all
  select g.name, p.codename,
    case when ug.expires_at <= now() then ug.expires_at end
  from user_groups ug
    join groups g on g.id = ug.group_id
    join group_permissions gp on gp.group_id = g.id
    join permissions p on p.id = gp.permission_id
  where ug.user_id = ?
  order by 1 nulls first, 2`;

interface GrantRow {
  readonly group: string | null;
  readonly grant: string;
  readonly endedAt: Date | null;
}

interface UserRow {
  readonly status: string;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly isBuiltIn: boolean | null;
}

const userSql = `
  select status, is_staff as "isStaff", is_superuser as "isSuperuser",
    (select is_built_in from permissions where codename = ?) as "isBuiltIn"
  from users where id = ?`;

/** What keeps a person from the permission, the account first. */
function obstaclesOf(
  { status, isStaff, isSuperuser, isBuiltIn }: UserRow,
  grants: readonly GrantRow[],
  isAllowed: boolean,
): PermissionObstacle[] {
  const obstacles: PermissionObstacle[] = [];
  const add = (kind: ObstacleKind) =>
    obstacles.push({ kind, group: null, grant: null, endedAt: null });
  if (status !== 'ACTIVE') add('NOT_ACTIVE');
  // The built-in permissions are those of administration, which is for staff.
  if (isBuiltIn && !isStaff && !isSuperuser) add('NOT_STAFF');
  if (isAllowed) return obstacles;
  for (const { group, grant, endedAt } of grants) {
    if (endedAt === null) continue;
    obstacles.push({ kind: 'MEMBERSHIP_ENDED', group, grant, endedAt });
  }
  if (grants.length === 0) add('NO_GRANT');
  if (isBuiltIn === null) add('NO_SUCH_PERMISSION');
  return obstacles;
}

export function createExplain({ query }: UnitOfWork): Explain {
  return {
    async explainPermission(rawId, rawPermission, context) {
      requireAdministrator(context, 'users.view_user');
      const { permission } = parseFields({ permission: () => parseLookupName(rawPermission) });
      const id = parseId(rawId);
      const [user] = id === undefined ? [] : await query<UserRow>(userSql, [permission, id]);
      if (!user) throw new Problem('NOT_FOUND');
      const rows = await query<GrantRow>(grantsSql, [id, id]);
      const grants = rows.filter(({ grant }) => matchesGrant(grant, permission));
      const paths: PermissionPath[] = grants
        .filter(({ endedAt }) => endedAt === null)
        .map(({ group, grant }) => ({ kind: group === null ? 'DIRECT' : 'GROUP', grant, group }));
      if (user.isSuperuser) paths.unshift({ kind: 'SUPERUSER', grant: null, group: null });
      const isAllowed = paths.length > 0;
      return { isAllowed, paths, obstacles: obstaclesOf(user, grants, isAllowed) };
    },
  };
}
