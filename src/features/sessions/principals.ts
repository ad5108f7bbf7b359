/** The principals of sessions: the user of a session with groups and permissions, loaded with one SQL statement. */
import type { SessionActor, UserView } from '../../core/request-context.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import { effectivePermissionsSql, isCurrent } from '../access/access.ts';
import {
  cachedMetadataSql,
  createPrincipalCache,
  type PrincipalCache,
  type PrincipalCacheDeps,
} from '../access/principal-cache.ts';

/** Finds the actor of a live session of an ACTIVE user. */
export type Principals = PrincipalCache<SessionActor>;

export interface PrincipalsDeps extends Omit<PrincipalCacheDeps<SessionActor>, 'kind' | 'load'> {
  readonly unitOfWork: Pick<UnitOfWork, 'execute'>;
}

export function createPrincipals({ unitOfWork, ...deps }: PrincipalsDeps): Principals {
  return createPrincipalCache({
    ...deps,
    kind: 'session',
    async load(sessionId) {
      const values = [sessionId, deps.clock()];
      const [row] = await unitOfWork.execute<PrincipalRow>(findPrincipal, values);
      return row && { actor: toActor(sessionId, row), validUntil: row.valid_until };
    },
  });
}

interface PrincipalRow extends UserView {
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
  readonly valid_until: Date;
}

const findPrincipal: Statement = {
  name: 'session-principal',
  text: `select
    u.id, u.email, u.username, u.first_name as "firstName", u.last_name as "lastName", u.status,
    u.is_staff as "isStaff", u.is_superuser as "isSuperuser", u.pending_email as "pendingEmail",
    u.email_verified_at as "emailVerifiedAt", u.locale, u.external_id as "externalId",
    ${cachedMetadataSql} as metadata,
    u.created_at as "createdAt", u.updated_at as "updatedAt", u.last_login_at as "lastLoginAt",
    array(
      select g.name from user_groups ug join groups g on g.id = ug.group_id
      where ug.user_id = u.id and ${isCurrent('ug')}
      order by g.name
    ) as groups,
    ${effectivePermissionsSql} as permissions,
    least(s.expires_at, (
      select min(ug.expires_at) from user_groups ug where ug.user_id = u.id and ug.expires_at > now()
    )) as valid_until
  from sessions s join users u on u.id = s.user_id
  where s.id = $1 and s.ended_at is null and s.expires_at > $2 and u.status = 'ACTIVE'`,
};

function toActor(sessionId: string, row: PrincipalRow): SessionActor {
  const { groups, permissions, valid_until: _, ...user } = row;
  return {
    kind: 'user',
    user,
    groups: new Set(groups),
    permissions: new Set(permissions),
    credential: { kind: 'session', id: sessionId },
  };
}
