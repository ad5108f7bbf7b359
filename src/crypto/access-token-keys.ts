/** Key pairs of access tokens, one kind for each algorithm. The kind of a stored key decides its algorithm. */
import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importJWK,
  importPKCS8,
  type JWK,
} from 'jose';
import type { AccessTokenAlgorithm } from './access-token-algorithms.ts';

/** The public half of a key pair, as a JSON Web Key. */
export type PublicJwk = JWK;

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

/**
 * 2048 bits are enough until 2030 (NIST SP 800-57 part 1, 112 bits of security), and keys rotate. A signature with
 * 3072 bits takes three times as long, and every token is longer by 171 characters.
 */
const rsaBits = 2048;

const generation = {
  ES256: {},
  EdDSA: { crv: 'Ed25519' },
  RS256: { modulusLength: rsaBits },
} as const satisfies Record<AccessTokenAlgorithm, object>;

/** A new key pair. It is generated in the thread pool, so that RSA does not block the event loop. */
export async function generateSigningKey(algorithm: AccessTokenAlgorithm): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { ...generation[algorithm], extractable: true });
  return {
    publicJwk: await exportJWK(pair.publicKey),
    privatePem: await exportPKCS8(pair.privateKey),
  };
}

export async function importPrivateKey(pem: string, jwk: PublicJwk): Promise<CryptoKey> {
  return importPKCS8(pem, algorithmOfJwk(jwk));
}

export async function importPublicKey(jwk: PublicJwk): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithmOfJwk(jwk));
  if (key instanceof Uint8Array) throw new Error('a public key must be asymmetric');
  return key;
}

/** @throws Error for a kind of key that signs no access tokens */
export function algorithmOfJwk({ kty, crv }: PublicJwk): AccessTokenAlgorithm {
  if (kty === 'EC' && crv === 'P-256') return 'ES256';
  if (kty === 'OKP' && crv === 'Ed25519') return 'EdDSA';
  if (kty === 'RSA') return 'RS256';
  throw new Error(`a key of the kind ${kty} ${crv ?? ''} signs no access tokens`);
}

const algorithmsByName: Readonly<Record<string, AccessTokenAlgorithm>> = {
  ECDSA: 'ES256',
  Ed25519: 'EdDSA',
  'RSASSA-PKCS1-v1_5': 'RS256',
};

/** @throws Error for a key of another algorithm */
export function algorithmOfKey({ algorithm: { name } }: CryptoKey): AccessTokenAlgorithm {
  const algorithm = algorithmsByName[name];
  if (algorithm === undefined) throw new Error(`a key for ${name} signs no access tokens`);
  return algorithm;
}

/** The members for the key set. Lists them explicitly, so that no private member becomes public. */
export function publicMembersOf(jwk: PublicJwk): PublicJwk {
  const { kty, crv, x, y, n, e } = jwk;
  const members = { EC: { crv, x, y }, OKP: { crv, x }, RSA: { n, e } }[String(kty)];
  if (!members) throw new Error(`a key of the kind ${kty} signs no access tokens`);
  return { use: 'sig', alg: algorithmOfJwk(jwk), kty, ...members } as PublicJwk; // one of the three kinds
}
