/**
 * Refresh tokens that are presented for another purpose than new tokens: introspection and revocation. Neither
 * changes the counter of the session.
 */
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { RefreshTokens } from '../../crypto/refresh-token.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Audit } from '../audit/audit.ts';
import type { EndReason } from './session.entity.ts';

/** The live session of a refresh token, and its user. */
export interface PresentedSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly username: string | null;
  readonly email: string;
  readonly emailVerifiedAt: Date | null;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

export interface PresentedTokens {
  /** Undefined for a token that would get no new tokens: forged, replaced, or of an ended session. */
  findSession(refreshToken: string): Promise<PresentedSession | undefined>;
  /** The session of a refresh token of any age; undefined for a forged token. */
  sessionIdOf(refreshToken: string): string | undefined;
  /** Ends the session for a holder of one of its tokens. Returns false if it has ended or never existed. */
  end(sessionId: string, reason?: EndReason): Promise<boolean>;
}

export interface PresentedTokensDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'query' | 'transaction'>;
  readonly refreshTokens: RefreshTokens;
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'sessionsEnded'>;
  readonly refreshGraceSeconds: number;
}

export function createPresentedTokens(deps: PresentedTokensDeps): PresentedTokens {
  const { query, transaction } = deps.unitOfWork;
  return {
    async findSession(refreshToken) {
      const content = deps.refreshTokens.open(refreshToken);
      if (!content) return undefined;
      const now = deps.clock();
      const [row] = await query<PresentedSession>(
        `select s.id as "sessionId", u.id as "userId", u.username, u.email,
           u.email_verified_at as "emailVerifiedAt", s.last_used_at as "issuedAt", s.expires_at as "expiresAt"
         from sessions s join users u on u.id = s.user_id
         where s.id = ? and s.ended_at is null and s.expires_at > ? and u.status = 'ACTIVE'
           and (s.refresh_counter = ? or s.refresh_counter = ? and s.last_used_at >= ?)`,
        [
          ...[content.sessionId, now, content.counter],
          ...[content.counter + 1, secondsAfter(now, -deps.refreshGraceSeconds)],
        ],
      );
      return row;
    },

    sessionIdOf: (refreshToken) => deps.refreshTokens.open(refreshToken)?.sessionId,

    end: (sessionId, reason = 'revoked') =>
      transaction(async () => {
        const [ended] = await query<{ user_id: string }>(
          `update sessions set ended_at = ?, end_reason = ?
           where id = ? and ended_at is null and expires_at > ? returning user_id`,
          [deps.clock(), reason, sessionId, deps.clock()],
        );
        if (!ended) return false;
        const target = { type: 'session', id: sessionId } as const;
        await deps.audit.append({ action: reason, target, actorId: ended.user_id });
        deps.metrics.sessionsEnded.inc({ reason });
        return true;
      }),
  };
}
