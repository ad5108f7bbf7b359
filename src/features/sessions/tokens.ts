/**
 * The access and refresh tokens of a session. They depend on the session's row only: the same counter and
 * time give the same refresh token and the same claims again, for a client that lost the response. The signature of
 * ES256 is a different one each time.
 */
import { createHash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AccessTokenClaim } from '../../config/access-tokens.ts';
import { parseId } from '../../core/parse.ts';
import { type Actor, limitOf, type ServiceAccountActor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import {
  type AccessTokenContent,
  type NewAccessToken,
  ownClientId,
  type SignedToken,
  signAccessToken,
  verifyAccessToken,
} from '../../crypto/access-token.ts';
import type { VerifyingKey } from '../../crypto/access-token-keys.ts';
import { type FurtherClaims, maxAccessTokenLength } from '../../crypto/access-token-size.ts';
import type { RefreshTokens } from '../../crypto/refresh-token.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import { matchesGrant } from '../access/access.ts';
import type { Principals } from './principals.ts';
import type { SigningKeys } from './signing-keys.ts';
import { claimsOf } from './token-claims.ts';

export interface TokenPair {
  readonly tokenType: 'Bearer';
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  /** Seconds until the access token expires, for clients with a wrong clock. */
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
}

/** The fields of a session that determine its tokens. */
export interface TokenSource {
  readonly id: string;
  readonly userId: string;
  readonly refreshCounter: number;
  /** The time of the login. */
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** The answer of the grant `client_credentials`, which has no refresh token (RFC 6749 §4.4.3). */
export type ClientToken = Omit<TokenPair, 'refreshToken' | 'refreshTokenExpiresAt'>;

export interface ClientTokenOptions {
  /** When the API key expires; null for never. */
  readonly keyExpiresAt: Date | null;
  /** The only permissions of the token; undefined for all of the key. */
  readonly scope?: readonly string[] | undefined;
}

export interface Tokens {
  /** The current tokens of a session. */
  issue(session: TokenSource): Promise<TokenPair>;
  /**
   * A new access token for a service account that has authenticated with an API key. It is not valid for longer than
   * the key.
   */
  issueForClient(client: ServiceAccountActor, options: ClientTokenOptions): Promise<ClientToken>;
  /** The actor of an access token; undefined when the token, its session or its API key is invalid. */
  authenticate(accessToken: string): Promise<Actor | undefined>;
}

/** Finds the owner of an API key. */
export interface KeyPrincipals {
  principalOfKey(keyId: string): Promise<Actor | undefined>;
}

export interface TokensDeps {
  readonly signingKeys: SigningKeys;
  readonly refreshTokens: RefreshTokens;
  readonly principals: Principals;
  readonly keyPrincipals: KeyPrincipals;
  readonly changeFeed: Pick<ChangeFeed, 'onChange'>;
  readonly clock: Clock;
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Claims beyond RFC 9068, the most important first. */
  readonly claims: readonly AccessTokenClaim[];
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

/** The largest reduction of a lifetime, so that tokens issued together do not expire together. */
const jitter = 0.05;
/** RFC 8176: a session begins with a password. */
const loginMethods = ['pwd'];

export function createTokens(deps: TokensDeps): Tokens {
  /** The service itself accepts tokens of sessions from before a change of the audience from the default. */
  const acceptedAudience = [...new Set([...deps.audience, deps.issuer])];
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
      keyOf: async ({ kid = '' }) => {
        keyId = kid;
        key = await deps.signingKeys.findPublicKey(kid);
        if (!key) throw new Error('unknown key');
        return key;
      },
      issuer: deps.issuer,
      audience: acceptedAudience,
      now: deps.clock(),
    });
    if (content && key) verified.set(accessToken, { ...content, keyId, key });
    return content;
  };

  const sign = (
    content: NewAccessToken,
    { now, ttlSeconds }: { readonly now: Date; readonly ttlSeconds: number },
  ): Promise<SignedToken> => {
    const { issuer, audience } = deps;
    const key = deps.signingKeys.current();
    return signAccessToken(content, { key, issuer, audience, now, ttlSeconds });
  };

  const secondsUntil = (end: Date) =>
    Math.max(0, Math.floor((end.getTime() - deps.clock().getTime()) / 1000));

  /** Of a session that has ended meanwhile there are no claims. Its token is refused anyway. */
  const furtherClaimsOf = async (sessionId: string): Promise<FurtherClaims> => {
    const actor = deps.claims.length === 0 ? undefined : await deps.principals.find(sessionId);
    return actor ? claimsOf(actor, deps.claims) : {};
  };

  /** The service account of a token of `client_credentials`. The token depends on the API key that it was got with. */
  const clientOf = async ({ userId, clientId, scope }: AccessTokenContent, keyId: string) => {
    const actor = await deps.keyPrincipals.principalOfKey(keyId);
    if (actor?.kind !== 'service-account') return undefined;
    const { serviceAccount } = actor;
    const isSame = serviceAccount.id === userId && serviceAccount.clientId === clientId;
    if (!isSame) return undefined;
    return scope ? withScope(actor, scope) : actor;
  };

  return {
    async issue(session) {
      const { id: sessionId, userId, refreshCounter: counter, lastUsedAt: now } = session;
      const furtherClaims = await furtherClaimsOf(sessionId);
      const signed = await sign(
        {
          userId,
          sessionId,
          clientId: ownClientId,
          tokenId: tokenIdOf(session, furtherClaims),
          login: { at: session.createdAt, methods: loginMethods },
          furtherClaims,
        },
        {
          now,
          ttlSeconds: Math.round(deps.accessTokenTtlSeconds * (1 - jitter * jitterOf(session))),
        },
      );
      return {
        tokenType: 'Bearer',
        accessToken: signed.token,
        accessTokenExpiresAt: signed.expiresAt,
        expiresIn: secondsUntil(signed.expiresAt),
        refreshToken: deps.refreshTokens.issue({ sessionId, counter }),
        refreshTokenExpiresAt: session.expiresAt,
      };
    },

    async issueForClient(client, { keyExpiresAt, scope }) {
      const { serviceAccount, credential } = client;
      const now = deps.clock();
      const keySeconds =
        keyExpiresAt && Math.floor((keyExpiresAt.getTime() - now.getTime()) / 1000);
      const ttlSeconds = Math.min(
        deps.accessTokenTtlSeconds,
        keySeconds ?? Number.POSITIVE_INFINITY,
      );
      const signed = await sign(
        {
          userId: serviceAccount.id,
          sessionId: credential.id,
          clientId: serviceAccount.clientId,
          ...(scope && { scope }),
          tokenId: randomUUID(),
          furtherClaims: claimsOf(scope ? withScope(client, scope) : client, deps.claims),
        },
        { now, ttlSeconds },
      );
      return {
        tokenType: 'Bearer',
        accessToken: signed.token,
        accessTokenExpiresAt: signed.expiresAt,
        expiresIn: secondsUntil(signed.expiresAt),
      };
    },

    async authenticate(accessToken) {
      if (accessToken.length > maxAccessTokenLength) return undefined;
      const content = await verify(accessToken);
      const sessionId = parseId(content?.sessionId);
      if (!content || sessionId === undefined) return undefined;
      if (content.clientId !== ownClientId) return clientOf(content, sessionId);
      const actor = await deps.principals.find(sessionId);
      return actor?.user.id === content.userId ? actor : undefined;
    },
  };
}

/** The service account with the scope of a token as the limit of its key, as far as the limit of the key allows. */
function withScope(actor: ServiceAccountActor, scope: readonly string[]): ServiceAccountActor {
  const limit = limitOf(actor);
  const codes = scope.filter(
    (code) => limit === null || [...limit].some((grant) => matchesGrant(grant, code)),
  );
  const { id } = actor.credential;
  return { ...actor, credential: { kind: 'api-key', id, permissions: new Set(codes) } };
}

/** The same for the same token. The claims are part of it, because they can differ within the grace period. */
function tokenIdOf(session: TokenSource, further: FurtherClaims): string {
  const claims = Object.keys(further).length === 0 ? '' : JSON.stringify(further);
  return digestOf(session, claims).subarray(0, 16).toString('base64url');
}

/** A pseudo-random number from 0 to 1, always the same for the same tokens. */
function jitterOf(session: TokenSource): number {
  return digestOf(session).readUInt16BE() / 0xffff;
}

function digestOf({ id, refreshCounter }: TokenSource, suffix = ''): Buffer {
  return createHash('sha256').update(`${id}:${refreshCounter}${suffix}`).digest();
}
