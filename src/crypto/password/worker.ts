/** Runs in the threads: one argon2 or legacy PBKDF2 computation per call. Its errors never contain its input. */
import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { hashSync, verifySync } from '@node-rs/argon2';
import type { HashParameters } from './parameters.ts';
import { parseStoredHash, type StoredHash } from './stored-hash.ts';

export interface ComputeTask {
  readonly password: string;
  readonly parameters: HashParameters;
}

export interface CompareTask {
  readonly password: string;
  readonly hash: string | undefined;
  /** Costs what a current hash costs and matches nothing. */
  readonly dummyHash: string;
}

/** A new argon2id hash in PHC form, with 16 random bytes of salt and 32 of digest. */
export function compute({ password, parameters }: ComputeTask): string {
  return withoutDetail(() =>
    hashSync(password, {
      memoryCost: parameters.memoryKib,
      timeCost: parameters.iterations,
      parallelism: parameters.parallelism,
    }),
  );
}

/** Whether the hash was computed from the password. An invalid hash costs a dummy comparison. */
export function compare({ password, hash, dummyHash }: CompareTask): boolean {
  const stored = parseStoredHash(hash);
  return (
    (stored && isMatch(stored, password)) ?? withoutDetail(() => compareDummy(dummyHash, password))
  );
}

/** Undefined when argon2 rejects the hash before any computation (invalid base64). */
function isMatch(stored: StoredHash, password: string): boolean | undefined {
  try {
    if (stored.scheme === 'argon2') return verifySync(stored.phc, password);
    const { salt, iterations, digest } = stored;
    return timingSafeEqual(pbkdf2Sync(password, salt, iterations, digest.length, 'sha256'), digest);
  } catch {
    return undefined;
  }
}

function compareDummy(dummyHash: string, password: string): false {
  verifySync(dummyHash, password);
  return false;
}

function withoutDetail<T>(computation: () => T): T {
  try {
    return computation();
  } catch {
    throw new Error('argon2 could not be computed.');
  }
}
