/**
 * The tokens that speak for a session. They follow from the session's row alone: the same counter
 * and time give the same tokens again, so a client whose answer was lost can ask once more.
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

/** What of a session its tokens are made of. */
export interface TokenSource {
  readonly id: string;
  readonly userId: string;
  readonly refreshCounter: number;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

export interface Tokens {
  /** The tokens that a session hands out now. */
  issue(session: TokenSource): Promise<TokenPair>;
  /** The person behind an access token, or nothing when token or session is not good (any more). */
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
  /** Verified tokens kept at most. */
  readonly cacheSize: number;
}

interface VerifiedToken extends AccessTokenContent {
  readonly expiresAt: Date;
  readonly keyId: string;
  /** It is not good any more when its key has gone, or has been read again. */
  readonly key: VerifyingKey;
}

/** Longer than any token of ours; what is longer is not worth a parse. */
const maxAccessTokenLength = 2048;
/** So much shorter a life may be, so that tokens issued together do not end together. */
const jitter = 0.05;

export function createTokens(deps: TokensDeps): Tokens {
  const verified = new LRUCache<string, VerifiedToken>({ max: deps.cacheSize });
  deps.changeFeed.onChange((key) => {
    if (key === 'signing-keys' || key === 'all') verified.clear();
  });

  const verify = async (accessToken: string) => {
    const kept = verified.get(accessToken);
    if (kept && deps.signingKeys.publicKeyOf(kept.keyId) === kept.key) {
      return kept.expiresAt > deps.clock() ? kept : undefined;
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
          ttlSeconds: Math.round(deps.accessTokenTtlSeconds * (1 - jitter * chanceOf(session))),
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
      return actor?.person.id === content?.userId ? actor : undefined;
    },
  };
}

/** From 0 to 1, by chance but always the same for the same tokens. */
function chanceOf({ id, refreshCounter }: TokenSource): number {
  return createHash('sha256').update(`${id}:${refreshCounter}`).digest().readUInt16BE() / 0xffff;
}
