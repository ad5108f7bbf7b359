/**
 * Refresh token rotation (RFC 9700 §4.14.2). Each token works once. Within the grace period the previous
 * token gets the same tokens again, for parallel tabs and for clients that lost the response. An older
 * token was probably stolen, so its reuse ends the session. A token newer than the row was issued before
 * a restore of the database: it is rejected, and the session stays.
 */

import { Problem } from '../../core/errors.ts';
import { parseFields, parsePastedSecret } from '../../core/parse.ts';
import type { Clock } from '../../core/time.ts';
import { secondsAfter } from '../../core/time.ts';
import type { RefreshTokenContent, RefreshTokens } from '../../crypto/refresh-token.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { User } from '../users/user.entity.ts';
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
  readonly id: string;
  readonly user_id: string;
  readonly refresh_counter: number;
  readonly last_used_at: Date;
  readonly expires_at: Date;
}

const columns = 'id, user_id, refresh_counter, last_used_at, expires_at';
const isLive = `ended_at is null and expires_at > :now
  and exists (select 1 from users u where u.id = user_id and u.status = 'ACTIVE')`;

const advanceSql = `update sessions set refresh_counter = refresh_counter + 1, last_used_at = ?,
    expires_at = least(?::timestamptz, created_at + ? * interval '1 second')
  where id = ? and refresh_counter = ? and ${isLive.replace(':now', '?')}
  returning ${columns}`;

export function createRefresh(deps: RefreshDeps): Refresh {
  const { query, transaction, em } = deps.unitOfWork;

  /** Increments the counter if the token is the current one. One conditional UPDATE, so one caller wins. */
  const advance = async ({ sessionId, counter }: RefreshTokenContent, now: Date) => {
    const [row] = await query<SessionRow>(advanceSql, [
      now,
      secondsAfter(now, deps.refreshTokenTtlSeconds),
      deps.sessionMaxAgeSeconds,
      sessionId,
      counter,
      now,
    ]);
    return row;
  };

  const findLive = async (sessionId: string, now: Date) => {
    const [row] = await query<SessionRow>(
      `select ${columns} from sessions where id = ? and ${isLive.replace(':now', '?')} for update`,
      [sessionId, now],
    );
    return row;
  };

  const isWithinGrace = (row: SessionRow, counter: number, now: Date) =>
    row.refresh_counter === counter + 1 &&
    now <= secondsAfter(row.last_used_at, deps.refreshGraceSeconds);

  const endReused = async (row: SessionRow, now: Date) => {
    const reason: EndReason = 'refresh-token-reused';
    await query('update sessions set ended_at = ?, end_reason = ? where id = ?', [
      now,
      reason,
      row.id,
    ]);
    await enqueueMail(em, { mail: 'refresh-token-reused', userId: row.user_id });
    const target = { type: 'user', id: row.user_id } as const;
    await deps.audit.append({ action: reason, target, after: { sessionId: row.id } });
    deps.metrics.sessionsEnded.inc({ reason });
  };

  /** The session for the new tokens. It does not throw: a throw would roll back the end of the session. */
  const exchange = async (content: RefreshTokenContent): Promise<SessionRow | undefined> => {
    const now = deps.clock();
    const advanced = await advance(content, now);
    if (advanced) return advanced;
    const row = await findLive(content.sessionId, now);
    if (!row || isWithinGrace(row, content.counter, now)) return row;
    // Newer than the row: the database was restored to an earlier time.
    if (content.counter > row.refresh_counter) return undefined;
    await endReused(row, now);
    return undefined;
  };

  /** Loads the user in the same transaction: nothing may fail after the counter has changed. */
  const exchangeForUser = async (content: RefreshTokenContent) => {
    const row = await exchange(content);
    const user = row && (await em.findOne(User, { id: row.user_id }));
    return row && user ? { row, user } : undefined;
  };

  return {
    async refreshTokens(raw) {
      const { refreshToken } = parseFields({ refreshToken: () => parsePastedSecret(raw) });
      const content = deps.refreshTokens.open(refreshToken);
      // Only forged tokens are limited: valid ones of the same network still work.
      if (!content) await deps.attemptLimits.consumeCode();
      const exchanged = content && (await transaction(() => exchangeForUser(content)));
      if (!exchanged) throw new Problem('INVALID_TOKEN');
      const { row, user } = exchanged;
      return { ...(await deps.tokens.issue(toSource(row))), user };
    },
  };
}

function toSource(row: SessionRow): TokenSource {
  return {
    id: row.id,
    userId: row.user_id,
    refreshCounter: row.refresh_counter,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  };
}
