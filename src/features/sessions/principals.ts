/**
 * The cache of session principals: the user of a session with groups and permissions. One SQL statement
 * loads a principal. It stays cached while the change feed is trusted and reports no change, so that a
 * request needs no query and a revoked session is not accepted.
 */
import { LRUCache } from 'lru-cache';
import type { SessionActor, UserView } from '../../core/request-context.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { ChangeFeed, ChangeKey } from '../../database/change-feed.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { effectivePermissionsSql, isCurrent } from '../access/access.ts';

/** The change feed does not report logins, so a cached `lastLoginAt` may be outdated by this time. */
const maxAgeSeconds = 60;

export interface Principals {
  /** The actor of a live session of an ACTIVE user. */
  find(sessionId: string): Promise<SessionActor | undefined>;
}

export interface PrincipalsDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'execute'>;
  readonly changeFeed: Pick<ChangeFeed, 'isTrusted' | 'onChange'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'principals'>;
  /** The largest number of cached principals; the least recently used one is evicted. */
  readonly size: number;
}

interface Principal {
  readonly actor: SessionActor;
  /** When the session or a membership of its user expires, but at most `maxAgeSeconds` after the load. */
  readonly validUntil: Date;
}

export function createPrincipals(deps: PrincipalsDeps): Principals {
  const cache = new LRUCache<string, Principal>({ max: deps.size, dispose: unlink });
  const sessionsOfUser = new Map<string, Set<string>>();
  /** Current loads, each with the changes reported since its start. */
  const loads = new Set<Set<ChangeKey>>();

  function unlink({ actor }: Principal, sessionId: string): void {
    const sessions = sessionsOfUser.get(actor.user.id);
    sessions?.delete(sessionId);
    if (sessions?.size === 0) sessionsOfUser.delete(actor.user.id);
  }

  function store(sessionId: string, principal: Principal): void {
    cache.set(sessionId, principal);
    const userId = principal.actor.user.id;
    sessionsOfUser.set(userId, (sessionsOfUser.get(userId) ?? new Set()).add(sessionId));
  }

  deps.changeFeed.onChange((key) => {
    for (const changes of loads) changes.add(key);
    const [kind, id = ''] = key.split(':');
    if (kind === 'session') cache.delete(id);
    else if (kind === 'user')
      for (const session of [...(sessionsOfUser.get(id) ?? [])]) cache.delete(session);
    else if (kind === 'all' || kind === 'grants') cache.clear();
  });

  const load = async (sessionId: string): Promise<SessionActor | undefined> => {
    const changes = new Set<ChangeKey>();
    loads.add(changes);
    try {
      const [row] = await deps.unitOfWork.execute<PrincipalRow>(findPrincipal, [
        sessionId,
        deps.clock(),
      ]);
      if (!row) return undefined;
      const latest = secondsAfter(deps.clock(), maxAgeSeconds);
      const end = row.valid_until;
      const principal = {
        actor: toActor(sessionId, row),
        validUntil: end < latest ? end : latest,
      };
      const { id } = principal.actor.user;
      const isOutdated = [`session:${sessionId}`, `user:${id}`, 'all', 'grants'].some((key) =>
        changes.has(key),
      );
      if (!isOutdated && deps.changeFeed.isTrusted()) store(sessionId, principal);
      return principal.actor;
    } finally {
      loads.delete(changes);
    }
  };

  return {
    async find(sessionId) {
      const principal = deps.changeFeed.isTrusted() ? cache.get(sessionId) : undefined;
      const isCached = principal !== undefined && principal.validUntil > deps.clock();
      deps.metrics.principals.inc({ outcome: isCached ? 'hit' : 'miss' });
      return isCached ? principal.actor : load(sessionId);
    },
  };
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
    u.email_verified_at as "emailVerifiedAt", u.locale,
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
