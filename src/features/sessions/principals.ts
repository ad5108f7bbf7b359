/**
 * Who is behind a session, with all that decides what they may do. Loaded with one SQL statement and
 * kept for as long as the feed of changes can be trusted, so that it costs no query when nothing has
 * changed and nothing revoked is accepted.
 */
import { LRUCache } from 'lru-cache';
import type { Actor, UserView } from '../../core/request-context.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { ChangeFeed, ChangeKey } from '../../database/change-feed.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { effectivePermissionsSql, isCurrent } from '../access/access.ts';

/** A login changes `lastLoginAt` and no right, and is not announced: another session shows it so much later at most. */
const maxAgeSeconds = 60;

export interface Principals {
  /** The actor of a session that lives, of a user who is ACTIVE; nothing otherwise. */
  find(sessionId: string): Promise<Actor | undefined>;
}

export interface PrincipalsDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
  readonly changeFeed: Pick<ChangeFeed, 'isTrusted' | 'onChange'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'count'>;
  /** Principals kept at most; the one that was asked for least recently gives way. */
  readonly size: number;
}

interface Principal {
  readonly actor: Actor;
  /** When the session, or a membership of its user, ends by itself; `maxAgeSeconds` from now at the latest. */
  readonly validUntil: Date;
}

export function createPrincipals(deps: PrincipalsDeps): Principals {
  const kept = new LRUCache<string, Principal>({ max: deps.size, dispose: forget });
  const sessionsOfUser = new Map<string, Set<string>>();
  /** Loads under way, each with the changes that were heard of meanwhile. */
  const loads = new Set<Set<ChangeKey>>();

  function forget({ actor }: Principal, sessionId: string): void {
    const sessions = sessionsOfUser.get(actor.person.id);
    sessions?.delete(sessionId);
    if (sessions?.size === 0) sessionsOfUser.delete(actor.person.id);
  }

  function keep(sessionId: string, principal: Principal): void {
    kept.set(sessionId, principal);
    const userId = principal.actor.person.id;
    sessionsOfUser.set(userId, (sessionsOfUser.get(userId) ?? new Set()).add(sessionId));
  }

  deps.changeFeed.onChange((key) => {
    for (const heard of loads) heard.add(key);
    const [kind, id = ''] = key.split(':');
    if (kind === 'session') kept.delete(id);
    else if (kind === 'user')
      for (const session of [...(sessionsOfUser.get(id) ?? [])]) kept.delete(session);
    else if (kind === 'all' || kind === 'grants') kept.clear();
  });

  const load = async (sessionId: string): Promise<Actor | undefined> => {
    const heard = new Set<ChangeKey>();
    loads.add(heard);
    try {
      const [row] = await deps.unitOfWork.query<PrincipalRow>(statement, [sessionId, deps.clock()]);
      if (!row) return undefined;
      const oldest = secondsAfter(deps.clock(), maxAgeSeconds);
      const end = row.valid_until;
      const principal = {
        actor: toActor(sessionId, row),
        validUntil: end < oldest ? end : oldest,
      };
      const { id } = principal.actor.person;
      const isOvertaken = [`session:${sessionId}`, `user:${id}`, 'all', 'grants'].some((key) =>
        heard.has(key),
      );
      if (!isOvertaken && deps.changeFeed.isTrusted()) keep(sessionId, principal);
      return principal.actor;
    } finally {
      loads.delete(heard);
    }
  };

  return {
    async find(sessionId) {
      const principal = deps.changeFeed.isTrusted() ? kept.get(sessionId) : undefined;
      const isKept = principal !== undefined && principal.validUntil > deps.clock();
      deps.metrics.count('principals', isKept ? 'hit' : 'miss');
      return isKept ? principal.actor : load(sessionId);
    },
  };
}

interface PrincipalRow extends UserView {
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
  readonly valid_until: Date;
}

const statement = `select
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
  where s.id = ? and s.ended_at is null and s.expires_at > ? and u.status = 'ACTIVE'`;

function toActor(sessionId: string, row: PrincipalRow): Actor {
  const { groups, permissions, valid_until: _, ...person } = row;
  return { sessionId, person, groups: new Set(groups), permissions: new Set(permissions) };
}
