/**
 * Refresh token rotation (RFC 9700 §4.14.2). Each token works once. Within the grace period the previous
 * token gets the same refresh token and claims again, for parallel tabs and for clients that lost the response. An older
 * token was probably stolen, so its reuse ends the session. A token newer than the row was issued before
 * a restore of the database: it is rejected, and the session stays.
 */

import { Problem } from '../../core/errors.ts';
import { parseFields, parsePastedSecret } from '../../core/parse.ts';
import type { Clock } from '../../core/time.ts';
import { secondsAfter } from '../../core/time.ts';
import type { RefreshTokenContent, RefreshTokens } from '../../crypto/refresh-token.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { User } from '../users/user.entity.ts';
import { userColumns } from '../users/users.ts';
import type { EndReason } from './session.entity.ts';
import type { TokenPair, TokenSource, Tokens } from './tokens.ts';

export interface Refresh {
  /** @throws INVALID_TOKEN, THROTTLED for a forged one, VALIDATION_FAILED */
  refreshTokens(refreshToken: unknown): Promise<TokenPair & { readonly user: User }>;
}

export interface RefreshDeps {
  readonly unitOfWork: UnitOfWork;
  readonly refreshTokens: RefreshTokens;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'sessionsEnded'>;
  readonly refreshTokenTtlSeconds: number;
  readonly sessionMaxAgeSeconds: number;
  readonly refreshGraceSeconds: number;
}

interface SessionRow {
  readonly session_id: string;
  readonly refresh_counter: number;
  readonly session_created_at: Date;
  readonly last_used_at: Date;
  readonly expires_at: Date;
}

interface Exchanged {
  readonly session: TokenSource;
  readonly user: User;
}

const sessionColumns =
  's.id as session_id, s.refresh_counter, s.created_at as session_created_at, s.last_used_at, s.expires_at';

export function createRefresh(deps: RefreshDeps): Refresh {
  const { query, execute, transaction, em } = deps.unitOfWork;
  const columns = `${sessionColumns}, ${userColumns(em, 'u')}`;

  /** One conditional UPDATE, so that of parallel callers one wins. It also reads the user. */
  const advanceCounter: Statement = {
    name: 'advance-refresh-counter',
    text: `update sessions s set refresh_counter = s.refresh_counter + 1, last_used_at = $1,
        expires_at = least($2::timestamptz, s.created_at + $3 * interval '1 second')
      from users u
      where s.id = $4 and s.refresh_counter = $5 and s.ended_at is null and s.expires_at > $1
        and u.id = s.user_id and u.status = 'ACTIVE'
      returning ${columns}`,
  };

  const toExchanged = (row: SessionRow): Exchanged => {
    const { session_id: id, refresh_counter: refreshCounter, ...rest } = row;
    const { session_created_at: createdAt, last_used_at, expires_at, ...columnsOfUser } = rest;
    const user = em.map(User, columnsOfUser);
    const times = { createdAt, lastUsedAt: last_used_at, expiresAt: expires_at };
    return { session: { id, userId: user.id, refreshCounter, ...times }, user };
  };

  /** Increments the counter if the token is the current one. */
  const advance = async ({ sessionId, counter }: RefreshTokenContent, now: Date) => {
    const [row] = await execute<SessionRow>(advanceCounter, [
      now,
      secondsAfter(now, deps.refreshTokenTtlSeconds),
      deps.sessionMaxAgeSeconds,
      sessionId,
      counter,
    ]);
    return row && toExchanged(row);
  };

  const lockLive = async (sessionId: string, now: Date) => {
    const [row] = await query<SessionRow>(
      `select ${columns} from sessions s join users u on u.id = s.user_id
       where s.id = ? and s.ended_at is null and s.expires_at > ? and u.status = 'ACTIVE'
       for update of s`,
      [sessionId, now],
    );
    return row && toExchanged(row);
  };

  const isWithinGrace = ({ refreshCounter, lastUsedAt }: TokenSource, counter: number, now: Date) =>
    refreshCounter === counter + 1 && now <= secondsAfter(lastUsedAt, deps.refreshGraceSeconds);

  const endReused = async ({ id, userId }: TokenSource, now: Date) => {
    const reason: EndReason = 'refresh-token-reused';
    await query('update sessions set ended_at = ?, end_reason = ? where id = ?', [now, reason, id]);
    await enqueueMail(em, { mail: 'refresh-token-reused', userId });
    const target = { type: 'user', id: userId } as const;
    await deps.audit.append({ action: reason, target, after: { sessionId: id } });
    deps.metrics.sessionsEnded.inc({ reason });
  };

  /** For a token that is not the current one. A throw would roll back the end of the session. */
  const exchangeEarlier = async ({ sessionId, counter }: RefreshTokenContent, now: Date) => {
    const found = await lockLive(sessionId, now);
    if (!found || isWithinGrace(found.session, counter, now)) return found;
    // Not older than the row: the database was restored to an earlier time.
    if (counter >= found.session.refreshCounter) return undefined;
    await endReused(found.session, now);
    return undefined;
  };

  const exchange = async (content: RefreshTokenContent): Promise<Exchanged | undefined> => {
    const now = deps.clock();
    const advanced = await advance(content, now);
    return advanced ?? (await transaction(() => exchangeEarlier(content, now)));
  };

  return {
    async refreshTokens(raw) {
      const { refreshToken } = parseFields({ refreshToken: () => parsePastedSecret(raw) });
      const content = deps.refreshTokens.open(refreshToken);
      // Only forged tokens are limited: valid ones of the same network still work.
      if (!content) await deps.attemptLimits.consumeCode();
      const exchanged = content && (await exchange(content));
      if (!exchanged) throw new Problem('INVALID_TOKEN');
      return { ...(await deps.tokens.issue(exchanged.session)), user: exchanged.user };
    },
  };
}
