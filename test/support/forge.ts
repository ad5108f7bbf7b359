/** Tokens signed with the service's own key, to test tokens that are invalid in one claim only. */
import { type CryptoKey, importPKCS8, type JWK, SignJWT } from 'jose';
import { algorithmOfJwk } from '../../src/crypto/access-token-keys.ts';
import { deriveKey } from '../../src/crypto/keys.ts';
import { unseal } from '../../src/crypto/sealed-box.ts';
import type { TestService } from './service.ts';

export interface OwnKey {
  readonly keyId: string;
  readonly publicJwk: JWK;
  readonly privateKey: CryptoKey;
}

/** The newest key, or the one with the id. */
export async function ownKeyOf({ database, app }: TestService, keyId?: string): Promise<OwnKey> {
  const [row] = await database.query<{ id: string; public_jwk: JWK; sealed_private_key: Buffer }>(
    `select id, public_jwk, sealed_private_key from signing_keys
     where id = coalesce($1::uuid, id) order by id desc limit 1`,
    [keyId ?? null],
  );
  if (!row || app.config.secretKey === undefined) throw new Error('there is no signing key');
  const sealingKey = deriveKey(app.config.secretKey, 'signing-key-seal');
  const pem = unseal(sealingKey, row.id, row.sealed_private_key).toString();
  return {
    keyId: row.id,
    publicJwk: row.public_jwk,
    privateKey: await importPKCS8(pem, algorithmOfJwk(row.public_jwk)),
  };
}

export interface TokenDeps {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The parts of a token, unverified. */
export function partsOf(token: string): TokenDeps {
  const [header, payload] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  return { header, payload };
}

/** Signed with `key` by the algorithm in the header; `undefined` leaves a member out. */
export function sign({ header, payload }: TokenDeps, key: CryptoKey | Uint8Array): Promise<string> {
  return new SignJWT({ ...payload })
    .setProtectedHeader({ ...header, alg: String(header.alg) })
    .sign(key);
}

/** The given header and payload, with any signature. */
export function assemble({ header, payload }: TokenDeps, signature = ''): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode(header)}.${encode(payload)}.${signature}`;
}
