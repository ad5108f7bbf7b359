/** Reads stored hashes in the forms of this service and of other systems. It computes nothing. */
import { type Argon2Hash, readArgon2 } from './argon2.ts';
import { type BcryptHash, readBcrypt } from './bcrypt.ts';
import { isAffordableHash } from './cost.ts';
import { type Pbkdf2Hash, readPbkdf2 } from './pbkdf2.ts';
import { type FirebaseHash, readFirebase, readScrypt, type ScryptHash } from './scrypt.ts';
import { readWrapped, type WrappedHash } from './weak.ts';

export type StoredHash =
  | Argon2Hash
  | BcryptHash
  | FirebaseHash
  | Pbkdf2Hash
  | ScryptHash
  | WrappedHash;

/** Characters. Longer texts are no hashes. Those of Firebase have 260. */
export const longestStoredHash = 512;

/** Undefined for an unknown scheme and for invalid text. The cost of the hash is not checked. */
export function readStoredHash(hash: string): StoredHash | undefined {
  if (hash.length > longestStoredHash) return undefined;
  return (
    readArgon2(hash) ??
    readPbkdf2(hash) ??
    readBcrypt(hash) ??
    readScrypt(hash) ??
    readFirebase(hash) ??
    readWrapped(hash)
  );
}

/**
 * Returns undefined when nothing may be computed for the hash.
 *
 * These are a missing hash, Django's unusable `!…`, an unknown scheme, a weak digest, invalid text, and parameters out
 * of bounds (Kratos `ErrHashParametersOutOfBounds`).
 */
export function parseStoredHash(hash: string | undefined): StoredHash | undefined {
  const stored = hash === undefined ? undefined : readStoredHash(hash);
  return stored && isAffordableHash(stored) ? stored : undefined;
}
