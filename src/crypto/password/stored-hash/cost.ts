/** The bounds of the cost of comparisons with stored hashes. */
import { isAffordable } from '../parameters.ts';
import type { StoredHash } from './schemes.ts';
import type { ScryptParameters } from './scrypt.ts';

// One comparison at each bound takes 0.3 to 1.2 s, depending on the processor. Django 6 has 1,200,000 iterations of
// PBKDF2, and Keycloak 26 has 210,000 with SHA-512 and 1,300,000 with SHA-1.
const maxPbkdf2Iterations = 2_000_000;
const maxBcryptCost = 14;
/** N times r times p. */
const maxScryptWork = 2 ** 21;
/** A large r or p multiplies work that is no part of the product: PBKDF2 at the end of scrypt, and its buffers. */
const maxScrypt = { blockSize: 32, parallelization: 16, bytes: 256 * 2 ** 20 };

/** Whether a comparison takes about one second or less, and at most 256 MiB. */
export function isAffordableHash(stored: StoredHash): boolean {
  switch (stored.scheme) {
    case 'argon2':
      return isAffordable(stored.parameters);
    case 'wrapped':
      return isAffordable(stored.argon2.parameters);
    case 'bcrypt':
      return stored.cost <= maxBcryptCost;
    case 'pbkdf2':
      return stored.iterations <= maxPbkdf2Iterations;
    case 'scrypt':
    case 'firebase-scrypt':
      return isAffordableScrypt(stored.parameters);
  }
}

function isAffordableScrypt({ cost, blockSize, parallelization }: ScryptParameters): boolean {
  return (
    blockSize <= maxScrypt.blockSize &&
    parallelization <= maxScrypt.parallelization &&
    cost * blockSize * parallelization <= maxScryptWork &&
    128 * blockSize * (cost + parallelization + 2) <= maxScrypt.bytes
  );
}
