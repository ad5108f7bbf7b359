/** Sessions: listed and revoked by their owner, deleted by a job. `create-session.ts` creates them. */
import { Problem } from '../../core/errors.ts';
import { networkOf } from '../../core/network.ts';
import { optional, parseFields, parseId, parsePastedSecret } from '../../core/parse.ts';
import type { ClientInfo, SessionActor } from '../../core/request-context.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { RefreshTokens } from '../../crypto/refresh-token.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Audit } from '../audit/audit.ts';
import { type EndReason, Session } from './session.entity.ts';

export interface Sessions {
  /** The live sessions of a user, the last used first; at most the limit. */
  list(userId: string): Promise<Session[]>;
  /**
   * Ends the current session or, with a refresh token, the session of that token.
   *
   * @throws INVALID_TOKEN for a refresh token that is not the caller's own
   */
  logout(actor: SessionActor, refreshToken?: unknown): Promise<void>;
  /** @throws NOT_FOUND for a session that is not the caller's own */
  revoke(actor: SessionActor, id: unknown): Promise<void>;
  /** The same for a session of any user. @throws NOT_FOUND for a session that is not that user's */
  revokeOf(userId: string, id: unknown): Promise<void>;
  /**
   * The ids of the sessions that ended or were deleted after `instant`, and of the API keys that became invalid or
   * were deleted.
   */
  endedSince(instant: Date): Promise<string[]>;
  /** Ends all sessions of a user except `exceptId`. */
  revokeAll(userId: string, reason: EndReason, exceptId?: string): Promise<void>;
  readonly tasks: Tasks;
  /** When the task runs, in crontab format. */
  readonly schedule: string;
}

export interface SessionsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly refreshTokens: RefreshTokens;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'sessionsEnded'>;
  /** Live sessions of one user. */
  readonly maxSessionsPerUser: number;
}

const purgeTask = 'purge-sessions';
const purgeBatch = 1000;
/** Ended sessions stay in the table for this time, for questions about them. */
const retentionDays = 30;
/** The ids of deleted sessions stay for this time, much longer than an access token is valid. */
const deletedRetentionDays = 1;

export function createSessions(deps: SessionsDeps): Sessions {
  const { em, query, transaction } = deps.unitOfWork;

  /** Ends a session of the user, unless it has ended. Returns whether the session exists. Of parallel callers one ends it. */
  const endOwn = async (id: string, userId: string, reason: EndReason): Promise<boolean> => {
    return transaction(async () => {
      const ended = await query(
        `update sessions set ended_at = ?, end_reason = ?
         where id = ? and user_id = ? and ended_at is null returning id`,
        [deps.clock(), reason, id, userId],
      );
      if (ended.length === 0) return exists(id, userId);
      await deps.audit.append({ action: reason, target: { type: 'session', id } });
      deps.metrics.sessionsEnded.inc({ reason });
      return true;
    });
  };

  const exists = async (id: string, userId: string): Promise<boolean> => {
    const rows = await query('select id from sessions where id = ? and user_id = ?', [id, userId]);
    return rows.length > 0;
  };

  const revokeOf: Sessions['revokeOf'] = async (userId, rawId) => {
    const id = parseId(rawId);
    const isEnded = id !== undefined && (await endOwn(id, userId, 'revoked'));
    if (!isEnded) throw new Problem('NOT_FOUND');
  };

  const purgeOnce = () =>
    transaction(() =>
      query(
        `delete from sessions where id in (
           select id from sessions where least(ended_at, expires_at) < ? limit ? for update skip locked
         ) returning id`,
        [secondsAfter(deps.clock(), -retentionDays * 86_400), purgeBatch],
      ),
    );

  return {
    list: (userId) =>
      em.find(
        Session,
        { user: userId, endedAt: null, expiresAt: { $gt: deps.clock() } },
        { orderBy: { lastUsedAt: 'desc', id: 'desc' }, limit: deps.maxSessionsPerUser },
      ),

    async logout(actor, rawRefreshToken) {
      const { refreshToken } = parseFields({
        refreshToken: () => optional(rawRefreshToken, parsePastedSecret),
      });
      const id =
        refreshToken === undefined
          ? actor.credential.id
          : deps.refreshTokens.open(refreshToken)?.sessionId;
      const isEnded = id !== undefined && (await endOwn(id, actor.user.id, 'logged-out'));
      if (!isEnded) throw new Problem('INVALID_TOKEN');
    },

    revoke: (actor, id) => revokeOf(actor.user.id, id),

    revokeOf,

    async endedSince(instant) {
      const rows = await query<{ id: string }>(
        `select id from sessions where ended_at > ?
         union all select id from deleted_sessions where deleted_at > ?
         union all select id from api_keys where revoked_at > ?
         union all
         select k.id from api_keys k join service_accounts s on s.id = k.service_account_id
         where s.disabled_at > ? and k.revoked_at is null`,
        new Array(4).fill(instant),
      );
      return rows.map(({ id }) => id);
    },

    async revokeAll(userId, reason, exceptId) {
      await transaction(async () => {
        const ended = await query(
          `update sessions set ended_at = ?, end_reason = ?
           where user_id = ? and ended_at is null and id is distinct from ?::uuid returning id`,
          [deps.clock(), reason, userId, exceptId ?? null],
        );
        if (ended.length === 0) return;
        deps.metrics.sessionsEnded.inc({ reason }, ended.length);
        const target = { type: 'user', id: userId } as const;
        await deps.audit.append({ action: 'sessions-ended', target, after: { reason } });
      });
    },

    tasks: {
      [purgeTask]: async () => {
        while ((await purgeOnce()).length === purgeBatch);
        await transaction(() =>
          query('delete from deleted_sessions where deleted_at < ?', [
            secondsAfter(deps.clock(), -deletedRetentionDays * 86_400),
          ]),
        );
      },
    },
    schedule: `17 * * * * ${purgeTask}`,
  };
}

const knownDays = 30;

/** A column `isKnownNetwork` for a statement; `userId` is SQL. `knownNetworkParameters` are its values $1 and $2. */
export function knownNetworkSql(userId: string): string {
  return `exists (
    select from sessions s where s.user_id = ${userId} and s.network = $1 and s.created_at > $2
  ) as "isKnownNetwork"`;
}

export function knownNetworkParameters(client: ClientInfo, now: Date): readonly [string, Date] {
  return [networkOf(client.ipAddress), secondsAfter(now, -knownDays * 86_400)];
}
