/** Explains why a user holds a permission, or why not. */

import { Problem } from '../../../core/errors.ts';
import { parseFields, parseId, parseLookupName } from '../../../core/parse.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { isCurrent, matchesGrant } from '../../access/access.ts';
import { requireAdministrator, userGrantsSql } from '../policies.ts';

export type PathKind = 'SUPERUSER' | 'DIRECT' | 'GROUP';

/** One grant by which the user holds the permission. */
export interface PermissionPath {
  readonly kind: PathKind;
  /** The codename of the grant, which may contain a `*`; null for a superuser. */
  readonly grant: string | null;
  /** The name of the group that has the grant; null for a direct one. */
  readonly group: string | null;
}

export type ObstacleKind =
  | 'NOT_ACTIVE'
  | 'NOT_STAFF'
  | 'MEMBERSHIP_ENDED'
  | 'NO_GRANT'
  | 'NO_SUCH_PERMISSION';

/** One reason for which the user does not hold the permission, or cannot use it. */
export interface PermissionObstacle {
  readonly kind: ObstacleKind;
  /** The group of an ended membership, the grant of the group, and the end. */
  readonly group: string | null;
  readonly grant: string | null;
  readonly endedAt: Date | null;
}

export interface Explanation {
  /** Whether the user holds the permission. */
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
  select group_name as "group", codename as grant,
    case when not ${isCurrent('grants')} then expires_at end as "endedAt"
  from (${userGrantsSql}) grants
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

/** The obstacles, those of the account first. */
function obstaclesOf(
  { status, isStaff, isSuperuser, isBuiltIn }: UserRow,
  grants: readonly GrantRow[],
  isAllowed: boolean,
): PermissionObstacle[] {
  const obstacles: PermissionObstacle[] = [];
  const add = (kind: ObstacleKind) =>
    obstacles.push({ kind, group: null, grant: null, endedAt: null });
  if (status !== 'ACTIVE') add('NOT_ACTIVE');
  // The built-in permissions are those of administration, which needs a staff account.
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

export function createExplain({ query }: Pick<UnitOfWork, 'query'>): Explain {
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
