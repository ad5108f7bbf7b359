/** The schemes of stored hashes that can be verified. */
import type { Argon2Hash } from './argon2.ts';
import type { BcryptHash } from './bcrypt.ts';
import type { Pbkdf2Hash } from './pbkdf2.ts';
import type { FirebaseHash, ScryptHash } from './scrypt.ts';
import type { WrappedHash } from './weak.ts';

export type StoredHash =
  | Argon2Hash
  | BcryptHash
  | FirebaseHash
  | Pbkdf2Hash
  | ScryptHash
  | WrappedHash;
