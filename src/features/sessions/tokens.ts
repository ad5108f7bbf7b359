/**
 * The access and refresh tokens of a session. They depend on the session's row only: the same counter and
 * time give the same tokens again, for a client that lost the response.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { parseId } from '../../core/parse.ts';
import type { Actor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import {
  type AccessTokenContent,
  signAccessToken,
  type VerifyingKey,
  verifyAccessToken,
} from '../../crypto/access-token.ts';
import type { RefreshTokens } from '../../crypto/refresh-token.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { Principals } from './principals.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface TokenPair {
  readonly tokenType: 'Bearer';
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
}

/** The fields of a session that determine its tokens. */
export interface TokenSource {
  readonly id: string;
  readonly userId: string;
  readonly refreshCounter: number;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

export interface Tokens {
  /** The current tokens of a session. */
  issue(session: TokenSource): Promise<TokenPair>;
  /** The actor of an access token; undefined when the token or its session is invalid. */
  authenticate(accessToken: string): Promise<Actor | undefined>;
}

export interface TokensDeps {
  readonly signingKeys: SigningKeys;
  readonly refreshTokens: RefreshTokens;
  readonly principals: Principals;
  readonly changeFeed: Pick<ChangeFeed, 'onChange'>;
  readonly clock: Clock;
  readonly issuer: string;
  readonly accessTokenTtlSeconds: number;
  /** The largest number of cached verified tokens. */
  readonly cacheSize: number;
}

interface VerifiedToken extends AccessTokenContent {
  readonly expiresAt: Date;
  readonly keyId: string;
  /** The token is verified again when this key was removed or loaded again. */
  readonly key: VerifyingKey;
}

/** Every issued token is shorter. Longer input is rejected without parsing. */
const maxAccessTokenLength = 2048;
/** The largest reduction of a lifetime, so that tokens issued together do not expire together. */
const jitter = 0.05;

export function createTokens(deps: TokensDeps): Tokens {
  const verified = new LRUCache<string, VerifiedToken>({ max: deps.cacheSize });
  deps.changeFeed.onChange((key) => {
    if (key === 'signing-keys' || key === 'all') verified.clear();
  });

  const verify = async (accessToken: string) => {
    const cached = verified.get(accessToken);
    if (cached && deps.signingKeys.publicKeyOf(cached.keyId) === cached.key) {
      return cached.expiresAt > deps.clock() ? cached : undefined;
    }
    let keyId = '';
    let key: VerifyingKey | undefined;
    const content = await verifyAccessToken(accessToken, {
      keyOf: ({ kid = '' }) => {
        keyId = kid;
        key = deps.signingKeys.publicKeyOf(kid);
        if (!key) throw new Error('unknown key');
        return key;
      },
      issuer: deps.issuer,
      now: deps.clock(),
    });
    if (content && key) verified.set(accessToken, { ...content, keyId, key });
    return content;
  };

  return {
    async issue(session) {
      const signed = await signAccessToken(
        { userId: session.userId, sessionId: session.id },
        {
          key: deps.signingKeys.current(),
          issuer: deps.issuer,
          now: session.lastUsedAt,
          ttlSeconds: Math.round(deps.accessTokenTtlSeconds * (1 - jitter * jitterOf(session))),
        },
      );
      const { id: sessionId, refreshCounter: counter } = session;
      return {
        tokenType: 'Bearer',
        accessToken: signed.token,
        accessTokenExpiresAt: signed.expiresAt,
        refreshToken: deps.refreshTokens.issue({ sessionId, counter }),
        refreshTokenExpiresAt: session.expiresAt,
      };
    },

    async authenticate(accessToken) {
      if (accessToken.length > maxAccessTokenLength) return undefined;
      const content = await verify(accessToken);
      const sessionId = parseId(content?.sessionId);
      const actor = sessionId === undefined ? undefined : await deps.principals.find(sessionId);
      return actor?.user.id === content?.userId ? actor : undefined;
    },
  };
}

/** A pseudo-random number from 0 to 1, always the same for the same tokens. */
function jitterOf({ id, refreshCounter }: TokenSource): number {
  return createHash('sha256').update(`${id}:${refreshCounter}`).digest().readUInt16BE() / 0xffff;
}
