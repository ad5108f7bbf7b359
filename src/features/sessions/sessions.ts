/** Sessions: opened by a login, ended by a logout, and the tokens that speak for them. */
import { v7 as uuidv7 } from 'uuid';
import { signAccessToken, verifyAccessToken } from '../../core/access-token.ts';
import type { Actor, Client } from '../../core/actor.ts';
import { type Clock, secondsAfter } from '../../core/clock.ts';
import { Problem } from '../../core/errors.ts';
import { optional, parseFields, parsePastedSecret } from '../../core/parse.ts';
import type { RefreshTokens } from '../../core/refresh-token.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { User } from '../users/user.entity.ts';
import type { Principals } from './principals.ts';
import { Session } from './session.entity.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface Tokens {
  readonly tokenType: 'Bearer';
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
}

export interface Sessions {
  /** Records a new session. Needs a transaction. */
  open(user: User, client: Client): Session;
  /** The tokens that a session hands out now. */
  tokensOf(session: Session): Promise<Tokens>;
  /** The person behind an access token, or nothing when token or session is not good (any more). */
  authenticate(accessToken: string): Promise<Actor | undefined>;
  /**
   * Ends the session at hand or, given a refresh token, that one of the caller's.
   *
   * @throws INVALID_TOKEN for a refresh token that is not the caller's own
   */
  end(actor: Actor, refreshToken?: unknown): Promise<void>;
}

export interface SessionsParts {
  readonly unitOfWork: UnitOfWork;
  readonly signingKeys: SigningKeys;
  readonly refreshTokens: RefreshTokens;
  readonly principals: Principals;
  readonly clock: Clock;
  readonly issuer: string;
  readonly accessTokenTtlSeconds: number;
  readonly refreshTokenTtlSeconds: number;
  readonly sessionMaxAgeSeconds: number;
}

/** Longer than any token of ours; what is longer is not worth a parse. */
const maxAccessTokenLength = 2048;
const maxUserAgentLength = 300;

export function createSessions(parts: SessionsParts): Sessions {
  const { em, query } = parts.unitOfWork;

  const requireOwnSession = (actor: Actor, refreshToken: string) => {
    const content = parts.refreshTokens.open(refreshToken);
    if (!content) throw new Problem('INVALID_TOKEN');
    return { id: content.sessionId, userId: actor.person.id };
  };

  return {
    open(user, client) {
      const now = parts.clock();
      const idleSeconds = Math.min(parts.refreshTokenTtlSeconds, parts.sessionMaxAgeSeconds);
      const session = em.create(Session, {
        id: uuidv7(),
        user,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: secondsAfter(now, idleSeconds),
        ipAddress: client.ipAddress,
        userAgent: client.userAgent.slice(0, maxUserAgentLength),
      });
      em.persist(session);
      return session;
    },

    async tokensOf(session) {
      const signed = await signAccessToken(
        { userId: session.user.id, sessionId: session.id },
        {
          key: parts.signingKeys.current(),
          issuer: parts.issuer,
          now: parts.clock(),
          ttlSeconds: parts.accessTokenTtlSeconds,
        },
      );
      return {
        tokenType: 'Bearer',
        accessToken: signed.token,
        accessTokenExpiresAt: signed.expiresAt,
        refreshToken: parts.refreshTokens.issue({
          sessionId: session.id,
          counter: session.refreshCounter,
        }),
        refreshTokenExpiresAt: session.expiresAt,
      };
    },

    async authenticate(accessToken) {
      if (accessToken.length > maxAccessTokenLength) return undefined;
      const content = await verifyAccessToken(accessToken, {
        publicKeyOf: parts.signingKeys.publicKeyOf,
        issuer: parts.issuer,
        now: parts.clock(),
      });
      const actor = content && (await parts.principals.find(content.sessionId));
      return actor?.person.id === content?.userId ? actor : undefined;
    },

    async end(actor, rawRefreshToken) {
      const { refreshToken } = parseFields({
        refreshToken: () => optional(rawRefreshToken, parsePastedSecret),
      });
      const { id, userId } =
        refreshToken === undefined
          ? { id: actor.sessionId, userId: actor.person.id }
          : requireOwnSession(actor, refreshToken);
      const ended = await query(
        'update sessions set ended_at = coalesce(ended_at, ?) where id = ? and user_id = ? returning id',
        [parts.clock(), id, userId],
      );
      if (ended.length === 0) throw new Problem('INVALID_TOKEN');
    },
  };
}
