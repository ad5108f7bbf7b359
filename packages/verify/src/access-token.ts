/** Checks access tokens (RFC 9068) against public keys, and reads their claims. It knows no network. */
import { type CryptoKey, errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';

/** The claims of a valid token. */
export interface VerifiedToken {
  /** `sub`: the id of the user, or of the service account. */
  readonly userId: string;
  /** `sid`: the id of the session, or of the API key of a service account. */
  readonly sessionId: string;
  /** `client_id`: `gatehouse` for the session of a user. */
  readonly clientId: string;
  readonly expiresAt: Date;
  /** Present if ACCESS_TOKEN_CLAIMS of Gatehouse lists `email`; as of the time of issue, like the next three. */
  readonly email?: string;
  readonly username?: string;
  readonly groups?: readonly string[];
  readonly permissions?: readonly string[];
  /** All claims as they are in the token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Expectation {
  /** Returns the key with the `kid` and for the `alg` of the header; throws for an unknown one. */
  readonly keyOf: (header: JWTHeaderParameters) => Promise<CryptoKey>;
  readonly issuer: string;
  readonly audience: string | string[];
  /** Called for a token with a valid signature and another issuer or audience, which is a mistake in a setting. */
  readonly onMismatch: (claim: 'iss' | 'aud', value: unknown) => void;
}

/** The kind of the key decides which of them a token may use. */
const algorithms = ['ES256', 'EdDSA', 'RS256'];

/** Returns the claims, or undefined if the token is invalid. Any failure makes it invalid (RFC 8725, RFC 9068 §4). */
export async function checkAccessToken(
  token: string,
  { keyOf, issuer, audience, onMismatch }: Expectation,
): Promise<VerifiedToken | undefined> {
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms,
      typ: 'at+jwt',
      issuer,
      audience,
      requiredClaims: ['iss', 'aud', 'sub', 'client_id', 'jti', 'sid', 'iat', 'exp'],
      clockTolerance: 0,
    });
    return claimsOf(payload);
  } catch (error) {
    if (!(error instanceof errors.JWTClaimValidationFailed)) return undefined;
    const { claim, payload } = error;
    if (claim === 'iss' || claim === 'aud') onMismatch(claim, payload[claim]);
    return undefined;
  }
}

/** The time of issue of a verified token, in milliseconds since 1970. */
export function issuedAt({ claims }: VerifiedToken): number {
  return Number(claims.iat) * 1000;
}

function claimsOf(payload: JWTPayload): VerifiedToken | undefined {
  const { sub, sid, exp, iat, client_id: clientId } = payload;
  if (!isText(sub) || !isText(sid) || !isText(clientId)) return undefined;
  if (!isSeconds(exp) || !isSeconds(iat)) return undefined;
  const { email, username, groups, permissions } = payload;
  return {
    userId: sub,
    sessionId: sid,
    clientId,
    expiresAt: new Date(exp * 1000),
    ...(isText(email) ? { email } : {}),
    ...(isText(username) ? { username } : {}),
    ...(isTextList(groups) ? { groups } : {}),
    ...(isTextList(permissions) ? { permissions } : {}),
    claims: payload,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
