/** Verifies passwords against stored hashes of every scheme. For the hash threads: it blocks its thread. */
import {
  createCipheriv,
  createHash,
  pbkdf2Sync,
  type ScryptOptions,
  scryptSync,
  timingSafeEqual,
} from 'node:crypto';
import { verifySync as verifyArgon2 } from '@node-rs/argon2';
import { verifySync as verifyBcrypt } from '@node-rs/bcrypt';
import type { BcryptHash } from './bcrypt.ts';
import type { Pbkdf2Hash } from './pbkdf2.ts';
import type { StoredHash } from './schemes.ts';
import type { FirebaseHash, ScryptHash } from './scrypt.ts';

/** Whether the hash was computed from the password. Its errors can contain the input. */
export function verifyHash(stored: StoredHash, password: string): boolean {
  switch (stored.scheme) {
    case 'argon2':
      return verifyArgon2(stored.phc, password);
    case 'wrapped':
      return verifyArgon2(stored.argon2.phc, digestOf(stored.algorithm, stored.salt + password));
    case 'bcrypt':
      return isBcrypt(stored, password);
    case 'pbkdf2':
      return timingSafeEqual(deriveByPbkdf2(stored, password), stored.digest);
    case 'scrypt':
      return timingSafeEqual(deriveByScrypt(stored, password, stored.digest.length), stored.digest);
    case 'firebase-scrypt':
      return isFirebase(stored, password);
  }
}

/** bcrypt uses the first 72 bytes of a password, as in the other system. */
function isBcrypt({ hash, isPrehashed }: BcryptHash, password: string): boolean {
  return verifyBcrypt(isPrehashed ? digestOf('sha256', password) : password, hash);
}

function deriveByPbkdf2({ salt, iterations, digest, algorithm }: Pbkdf2Hash, password: string) {
  return pbkdf2Sync(password, salt, iterations, digest.length, algorithm);
}

/** More than the bounds of the parameters allow: OpenSSL counts all of its memory. */
const maxScryptBytes = 512 * 2 ** 20;

function deriveByScrypt(
  { parameters, salt }: ScryptHash | FirebaseHash,
  password: string,
  bytes: number,
): Buffer {
  const options: ScryptOptions = { ...parameters, maxmem: maxScryptBytes };
  return scryptSync(password, salt, bytes, options);
}

/** https://github.com/firebase/scrypt: AES-256-CTR with a derived key encrypts the signer key. */
function isFirebase(stored: FirebaseHash, password: string): boolean {
  const key = deriveByScrypt(stored, password, 32);
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const encrypted = Buffer.concat([cipher.update(stored.signerKey), cipher.final()]);
  return timingSafeEqual(encrypted, stored.digest);
}

/** Hexadecimal. */
function digestOf(algorithm: 'md5' | 'sha1' | 'sha256', text: string): string {
  return createHash(algorithm).update(text).digest('hex');
}
