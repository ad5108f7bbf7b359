/** Runs in the threads: one computation per call. Its errors never contain its input. */
import { hashSync, verifySync } from '@node-rs/argon2';
import type { HashParameters } from './parameters.ts';
import type { StoredHash } from './stored-hash/schemes.ts';
import { parseStoredHash } from './stored-hash/stored-hash.ts';
import { verifyHash } from './stored-hash/verify-hash.ts';

export interface ComputeTask {
  readonly password: string;
  readonly parameters: HashParameters;
}

export interface CompareTask {
  readonly password: string;
  readonly hash: string | undefined;
  /** Costs what a current hash costs and matches nothing. */
  readonly dummyHash: string;
  /** Whether the hash has another cost than a current one. */
  readonly isForeign: boolean;
}

export interface Comparison {
  readonly isMatch: boolean;
  /** The time that the comparison took. */
  readonly milliseconds: number;
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

/**
 * Whether the hash was computed from the password. An invalid hash costs a dummy comparison. So does a foreign one
 * that does not match, in addition, because it can be cheaper than a current one.
 */
export function compare(task: CompareTask): Comparison {
  const startedAt = performance.now();
  const isMatch = compareWithDummy(task);
  return { isMatch, milliseconds: performance.now() - startedAt };
}

function compareWithDummy({ password, hash, dummyHash, isForeign }: CompareTask): boolean {
  const stored = parseStoredHash(hash);
  const isRight = stored && isMatch(stored, password);
  const needsDummy = isRight === undefined || (isForeign && !isRight);
  return needsDummy ? withoutDetail(() => compareDummy(dummyHash, password)) : isRight;
}

/** Undefined when a library rejects the hash before any computation. */
function isMatch(stored: StoredHash, password: string): boolean | undefined {
  try {
    return verifyHash(stored, password);
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
