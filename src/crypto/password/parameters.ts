/** Cost of an argon2 computation: the default for new hashes, and bounds for imported ones. */

/** The cost of one argon2 computation; memory in KiB, parallelism in lanes. */
export interface HashParameters {
  readonly memoryKib: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** Default cost of a new hash (OWASP Password Storage Cheat Sheet). */
export const defaultHashParameters: HashParameters = {
  memoryKib: 19_456,
  iterations: 2,
  parallelism: 1,
};

const maximum: HashParameters = { memoryKib: 262_144, iterations: 10, parallelism: 16 };

/** Memory times iterations: three passes over 256 MiB (libsodium's MODERATE), 0.3 to 0.5 s. */
const maximumWorkKib = 3 * 262_144;

/**
 * Whether argon2 accepts the parameters and a computation takes less than a second.
 *
 * Extreme parameters of a hash would otherwise use a thread for 25 s. Django's defaults
 * and RFC 9106's 64 MiB pass, its 2 GiB do not.
 */
export function isAffordable(parameters: HashParameters): boolean {
  const { memoryKib, iterations, parallelism } = parameters;
  if (![memoryKib, iterations, parallelism].every((value) => Number.isInteger(value) && value > 0))
    return false;
  return (
    memoryKib >= 8 * parallelism && // RFC 9106 §3.1
    memoryKib <= maximum.memoryKib &&
    iterations <= maximum.iterations &&
    parallelism <= maximum.parallelism &&
    memoryKib * iterations <= maximumWorkKib
  );
}

export function hasParameters(one: HashParameters, other: HashParameters): boolean {
  return (
    one.memoryKib === other.memoryKib &&
    one.iterations === other.iterations &&
    one.parallelism === other.parallelism
  );
}
