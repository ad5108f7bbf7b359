/** Classes of stored hashes whose comparison costs nearly the same, and their order by cost. */
import { type HashParameters, hasParameters } from '../parameters.ts';
import type { Argon2Hash } from './argon2.ts';
import type { StoredHash } from './schemes.ts';
import type { ScryptParameters } from './scrypt.ts';
import { parseStoredHash } from './stored-hash.ts';

export interface CostClass {
  /** Such as `bcrypt 12`. It has nothing of the hash itself. */
  readonly name: string;
  /** How long the most expensive hash of the class takes, relative to this one: 1 to 1.25. */
  readonly scale: number;
  /** A comparison on one processor of 2021. Only its relation to other estimates matters. */
  readonly estimatedMs: number;
}

export interface ClassifiedHash {
  readonly hash: string;
  readonly costClass: CostClass;
}

/** A comparison of a class with a lower estimate than this part of the largest is certainly shorter. */
const relevantPart = 1 / 4;

/** Nanoseconds of an iteration, of a KiB, and of 128 bytes. */
const unitNs = { sha1: 230, sha256: 210, sha512: 580, argon2: 400, scrypt: 450 };

/**
 * Iterations of the same system can differ from account to account (passlib varies them by 10 %), so numbers are rounded
 * up. There are four classes for each power of two.
 */
export function costClassOf(stored: StoredHash): CostClass {
  switch (stored.scheme) {
    case 'argon2':
      return argon2Class(stored);
    case 'wrapped':
      return argon2Class(stored.argon2);
    case 'bcrypt':
      return { name: `bcrypt ${stored.cost}`, scale: 1, estimatedMs: 2 ** stored.cost * 0.063 };
    case 'pbkdf2':
      return roundedClass(
        `pbkdf2-${stored.algorithm} `,
        stored.iterations,
        unitNs[stored.algorithm],
      );
    case 'scrypt':
    case 'firebase-scrypt':
      return scryptClass(stored.parameters);
  }
}

/** The class of a hash that costs another time than a current one; undefined if nothing is computed for it. */
export function foreignCostClass(
  hash: string | undefined,
  current: HashParameters,
): CostClass | undefined {
  const stored = parseStoredHash(hash);
  if (!stored) return undefined;
  const argon2 = stored.scheme === 'wrapped' ? stored.argon2 : stored;
  const isCurrent =
    argon2.scheme === 'argon2' &&
    argon2.variant === 'argon2id' &&
    hasParameters(argon2.parameters, current);
  return isCurrent ? undefined : costClassOf(stored);
}

/** One hash of each class that can be the most expensive one, in the order of their estimates. */
export function mostExpensive(
  hashes: readonly string[],
  current: HashParameters,
): readonly ClassifiedHash[] {
  const classes = new Map<string, ClassifiedHash>();
  for (const hash of hashes) {
    const costClass = foreignCostClass(hash, current);
    if (costClass) classes.set(costClass.name, { hash, costClass });
  }
  const sorted = [...classes.values()].toSorted((a, b) => estimateOf(b) - estimateOf(a));
  const [first] = sorted;
  return first ? sorted.filter((it) => estimateOf(it) >= relevantPart * estimateOf(first)) : [];
}

function estimateOf({ costClass }: ClassifiedHash): number {
  return costClass.estimatedMs * costClass.scale;
}

function argon2Class({ variant, parameters }: Argon2Hash): CostClass {
  const { memoryKib, iterations, parallelism } = parameters;
  const shape = `m<=${powerOfTwo(memoryKib)},p<=${powerOfTwo(parallelism)}`;
  return roundedClass(`${variant} ${shape},m*t=`, memoryKib * iterations, unitNs.argon2);
}

function scryptClass({ cost, blockSize, parallelization }: ScryptParameters): CostClass {
  const work = cost * blockSize * parallelization;
  const shape = `N*r<=${powerOfTwo(cost * blockSize)}`;
  return roundedClass(`scrypt ${shape},N*r*p=`, work, unitNs.scrypt);
}

/** Rounds the work up to three significant bits. */
function roundedClass(kind: string, work: number, nanoseconds: number): CostClass {
  const step = powerOfTwo(work + 1) / 8;
  const rounded = step < 1 ? work : Math.ceil(work / step) * step;
  return {
    name: `${kind}${rounded}`,
    scale: rounded / work,
    estimatedMs: (work * nanoseconds) / 1e6,
  };
}

/** The next one that is not less. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
