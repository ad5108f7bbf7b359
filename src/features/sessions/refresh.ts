/**
 * The refresh chain (RFC 9700 §4.14.2): each token works once. Its parent, within the grace, gets the
 * very same answer again: tabs that race and clients that lost the answer go on, and there is one
 * live leaf at any time. Anything older is a thief or a victim, and ends the session. A token that is
 * newer than the session's row comes from before a restore of the database: it is refused, and the
 * session stays.
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
  readonly metrics: Pick<Metrics, 'count'>;
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

  /** Moves the chain on, if the token is its leaf: one conditional UPDATE, so one caller wins. */
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
    deps.metrics.count('sessionsEnded', reason);
  };

  /** The session to issue for, or nothing. Answers instead of throwing: its ending must stay. */
  const exchange = async (content: RefreshTokenContent): Promise<SessionRow | undefined> => {
    const now = deps.clock();
    const advanced = await advance(content, now);
    if (advanced) return advanced;
    const row = await findLive(content.sessionId, now);
    if (!row || isWithinGrace(row, content.counter, now)) return row;
    // Issued by us and unknown to the row: the database was restored to an earlier time.
    if (content.counter > row.refresh_counter) return undefined;
    await endReused(row, now);
    return undefined;
  };

  /** Reads all that the answer needs: nothing may fail any more once the chain has moved on. */
  const exchangeForUser = async (content: RefreshTokenContent) => {
    const row = await exchange(content);
    const user = row && (await em.findOne(User, { id: row.user_id }));
    return row && user ? { row, user } : undefined;
  };

  return {
    async refreshTokens(raw) {
      const { refreshToken } = parseFields({ refreshToken: () => parsePastedSecret(raw) });
      const content = deps.refreshTokens.open(refreshToken);
      // Ours cannot be guessed, so that a network under a flood of forged ones still refreshes.
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
