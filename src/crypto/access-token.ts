/** Access tokens: the JWTs of RFC 9068 (`at+jwt`), signed and verified. Keys and sessions are stored elsewhere. */
import {
  type CryptoKey,
  decodeJwt,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import { numericDate, secondsAfter } from '../core/time.ts';
import { type AccessTokenAlgorithm, accessTokenAlgorithms } from './access-token-algorithms.ts';
import { algorithmOfKey, type SigningKey, type VerifyingKey } from './access-token-keys.ts';
import { type FurtherClaims, withClaimsThatFit } from './access-token-size.ts';

const tokenType = 'at+jwt';

/** `client_id` of the tokens of sessions that began at the endpoints of the service itself. */
export const ownClientId = 'gatehouse';

export interface AccessTokenContent {
  /** `sub`: the user, or the service account if `clientId` is not the service's own. */
  readonly userId: string;
  /** `sid`: the session, or the API key of a service account. */
  readonly sessionId: string;
  /** `client_id`: `ownClientId`, or the client of a service account. */
  readonly clientId: string;
  /** `scope`: the only permissions of the token; undefined for a token without a limit of its own. */
  readonly scope?: readonly string[];
}

export interface NewAccessToken extends AccessTokenContent {
  /** `jti`. */
  readonly tokenId: string;
  /** When the user logged in, and how (RFC 8176); undefined for a service account. */
  readonly login?: { readonly at: Date; readonly methods: readonly string[] };
  /** The most important claims first: claims that do not fit are left out. */
  readonly furtherClaims?: FurtherClaims;
}

export interface Signing {
  readonly key: SigningKey;
  readonly issuer: string;
  /** At least one. One audience is a text in the token, several are an array. */
  readonly audience: readonly string[];
  readonly now: Date;
  readonly ttlSeconds: number;
}

export interface SignedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

export async function signAccessToken(
  content: NewAccessToken,
  signing: Signing,
): Promise<SignedToken> {
  const { keyId, privateKey } = signing.key;
  const expiresAt = secondsAfter(signing.now, signing.ttlSeconds);
  expiresAt.setMilliseconds(0);
  const header = { alg: algorithmOfKey(privateKey), typ: tokenType, kid: keyId };
  const required = claimsOf(content, signing, expiresAt);
  const claims = withClaimsThatFit(header, required, content.furtherClaims ?? {});
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
  return { token, expiresAt };
}

function claimsOf(
  { userId, sessionId, clientId, scope, tokenId, login }: NewAccessToken,
  { issuer, audience, now }: Signing,
  expiresAt: Date,
): JWTPayload {
  const [only, ...others] = audience;
  return {
    iss: issuer,
    sub: userId,
    aud: only === undefined || others.length > 0 ? [...audience] : only,
    client_id: clientId,
    jti: tokenId,
    sid: sessionId,
    iat: numericDate(now),
    exp: numericDate(expiresAt),
    ...(scope && { scope: scope.join(' ') }),
    ...(login && { auth_time: numericDate(login.at), amr: [...login.methods] }),
  };
}

export interface Verification {
  /** The key with the `kid` of the header. Throws for an unknown key. */
  readonly keyOf: (header: JWTHeaderParameters) => VerifyingKey | Promise<VerifyingKey>;
  readonly issuer: string;
  /** The token needs one of these. */
  readonly audience: readonly string[];
  readonly now: Date;
}

/**
 * Returns the content of a valid token, else undefined. Checks all properties that RFC 8725 §3.1 and §3.10–3.12
 * require. The key decides which algorithm is allowed, and a key in the header of the token is never used.
 */
export async function verifyAccessToken(
  token: string,
  against: Verification,
): Promise<(AccessTokenContent & { readonly expiresAt: Date }) | undefined> {
  try {
    const { payload } = await jwtVerify(token, (header) => keyFor(header, against), {
      algorithms: [...accessTokenAlgorithms],
      typ: tokenType,
      issuer: against.issuer,
      audience: [...against.audience],
      requiredClaims: ['iss', 'aud', 'sub', 'sid', 'iat', 'exp'],
      currentDate: against.now,
      clockTolerance: 0,
    });
    return contentOf(payload);
  } catch {
    return undefined;
  }
}

/** @throws Error for an unknown key, and for a key of another algorithm than that of the header */
async function keyFor(header: JWTHeaderParameters, { keyOf }: Verification): Promise<CryptoKey> {
  const key = await keyOf(header);
  const algorithm: AccessTokenAlgorithm = algorithmOfKey(key);
  if (header.alg !== algorithm) throw new Error(`the key verifies ${algorithm} only`);
  return key;
}

/** Tokens from before the claim `client_id` was added have none: all of them belong to sessions. */
function contentOf(
  payload: JWTPayload,
): (AccessTokenContent & { readonly expiresAt: Date }) | undefined {
  const { sub, sid, exp, iat, scope = null, client_id: clientId = ownClientId } = payload;
  if (typeof sub !== 'string' || typeof sid !== 'string') return undefined;
  if (typeof clientId !== 'string') return undefined;
  if (exp === undefined || !Number.isSafeInteger(exp) || !Number.isSafeInteger(iat))
    return undefined;
  const content = { userId: sub, sessionId: sid, clientId, expiresAt: new Date(exp * 1000) };
  if (scope === null) return content;
  return typeof scope === 'string' ? { ...content, scope: scope.split(' ') } : undefined;
}

/** The claims of a token that was verified. */
export function claimsIn(verifiedToken: string): JWTPayload {
  return decodeJwt(verifiedToken);
}
