/** Reads stored hashes in the forms of this service and of other systems. It computes nothing. */
import { readArgon2 } from './argon2.ts';
import { readBcrypt } from './bcrypt.ts';
import { isAffordableHash } from './cost.ts';
import { readPbkdf2 } from './pbkdf2.ts';
import type { StoredHash } from './schemes.ts';
import { readFirebase, readScrypt } from './scrypt.ts';
import { readWrapped } from './weak.ts';

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
