/** Access tokens: EdDSA JWTs (RFC 9068 `at+jwt`). Keys and sessions are stored elsewhere. */
import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importJWK,
  importPKCS8,
  type JWK,
  type JWTHeaderParameters,
  jwtVerify,
  SignJWT,
} from 'jose';
import { secondsAfter } from '../core/time.ts';

const algorithm = 'EdDSA';
const tokenType = 'at+jwt';

/** The public half of a key pair, as a JSON Web Key. */
export type PublicJwk = JWK;

export interface AccessTokenContent {
  readonly userId: string;
  readonly sessionId: string;
}

/** A key pair to store: the public key as it is, the private key sealed. */
export interface GeneratedKey {
  readonly publicJwk: JWK;
  /** PKCS #8, PEM. */
  readonly privatePem: string;
}

/** A public key, ready to verify with. */
export type VerifyingKey = CryptoKey;

export interface SigningKey {
  readonly keyId: string;
  readonly privateKey: CryptoKey;
}

/** A new Ed25519 key pair. */
export async function generateSigningKey(): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true });
  return {
    publicJwk: await exportJWK(pair.publicKey),
    privatePem: await exportPKCS8(pair.privateKey),
  };
}

export async function importPrivateKey(pem: string): Promise<CryptoKey> {
  return importPKCS8(pem, algorithm);
}

export async function importPublicKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array) throw new Error('a public key must be asymmetric');
  return key;
}

export interface SignedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** Signs a token whose audience is the issuer itself. */
export async function signAccessToken(
  content: AccessTokenContent,
  by: { key: SigningKey; issuer: string; now: Date; ttlSeconds: number },
): Promise<SignedToken> {
  const expiresAt = secondsAfter(by.now, by.ttlSeconds);
  expiresAt.setMilliseconds(0);
  const token = await new SignJWT({ sid: content.sessionId })
    .setProtectedHeader({ alg: algorithm, typ: tokenType, kid: by.key.keyId })
    .setIssuer(by.issuer)
    .setAudience(by.issuer)
    .setSubject(content.userId)
    .setIssuedAt(by.now)
    .setExpirationTime(expiresAt)
    .sign(by.key.privateKey);
  return { token, expiresAt };
}

/**
 * Returns the content of a valid token, else undefined. Checks all properties that RFC 8725 §3.1 and §3.10–3.12 require;
 * a key in the header of the token is never used.
 *
 * @param against.keyOf returns the key with the `kid` of the header; throws for an unknown one
 */
export async function verifyAccessToken(
  token: string,
  against: {
    readonly keyOf: (header: JWTHeaderParameters) => VerifyingKey | Promise<VerifyingKey>;
    readonly issuer: string;
    readonly now: Date;
  },
): Promise<(AccessTokenContent & { readonly expiresAt: Date }) | undefined> {
  try {
    const { payload } = await jwtVerify(token, against.keyOf, {
      algorithms: [algorithm],
      typ: tokenType,
      issuer: against.issuer,
      audience: against.issuer,
      requiredClaims: ['iss', 'aud', 'sub', 'sid', 'iat', 'exp'],
      currentDate: against.now,
      clockTolerance: 0,
    });
    const { sub, sid, exp, iat } = payload;
    if (typeof sub !== 'string' || typeof sid !== 'string') return undefined;
    if (exp === undefined || !Number.isSafeInteger(exp) || !Number.isSafeInteger(iat))
      return undefined;
    return { userId: sub, sessionId: sid, expiresAt: new Date(exp * 1000) };
  } catch {
    return undefined;
  }
}
