/** Parses the formats of stored hashes, and rejects hashes that would cost too much to verify. */
import { type HashParameters, isAffordable } from './parameters.ts';

/** An argon2 hash in PHC form; `isLegacy` when it came wrapped in Django's prefix. */
export interface Argon2Hash {
  readonly scheme: 'argon2';
  readonly phc: string;
  readonly variant: string;
  readonly parameters: HashParameters;
  readonly saltBytes: number;
  readonly digestBytes: number;
  readonly isLegacy: boolean;
}

/** Django's `pbkdf2_sha256$<iterations>$<salt>$<digest>`; the salt is used as it is written. */
export interface Pbkdf2Hash {
  readonly scheme: 'pbkdf2';
  readonly iterations: number;
  readonly salt: string;
  readonly digest: Buffer;
}

export type StoredHash = Argon2Hash | Pbkdf2Hash;

/** Characters. Longer texts are no hashes. */
export const longestStoredHash = 512;
const maximumPbkdf2Iterations = 2_000_000;

const argon2Pattern =
  /^(?<prefix>argon2)?(?<phc>\$(?<variant>argon2id|argon2i|argon2d)\$v=19\$m=(?<m>[1-9]\d{0,6}),t=(?<t>[1-9]\d?),p=(?<p>[1-9]\d?)\$(?<salt>[A-Za-z0-9+/]+)\$(?<digest>[A-Za-z0-9+/]+))$/;
const pbkdf2Pattern =
  /^pbkdf2_sha256\$(?<iterations>[1-9]\d{0,6})\$(?<salt>[^$]{1,64})\$(?<digest>[A-Za-z0-9+/]{43}=)$/;

/**
 * Returns undefined when nothing may be computed for the hash.
 *
 * These are a missing hash, Django's unusable `!…`, an unknown scheme, invalid text, and parameters out of bounds
 * (Kratos `ErrHashParametersOutOfBounds`). Argon2 itself checks the base64.
 */
export function parseStoredHash(hash: string | undefined): StoredHash | undefined {
  if (hash === undefined || hash.length > longestStoredHash) return undefined;
  return parseArgon2(hash) ?? parsePbkdf2(hash);
}

function parseArgon2(hash: string): Argon2Hash | undefined {
  const groups = argon2Pattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const { prefix, phc = '', variant = '', m, t, p, salt = '', digest = '' } = groups;
  const parameters = { memoryKib: Number(m), iterations: Number(t), parallelism: Number(p) };
  const saltBytes = decodedBytes(salt);
  const digestBytes = decodedBytes(digest);
  const isSized = isBetween(saltBytes, 8, 64) && isBetween(digestBytes, 16, 64);
  if (!isSized || !isAffordable(parameters)) return undefined;
  const isLegacy = prefix !== undefined;
  return { scheme: 'argon2', phc, variant, parameters, saltBytes, digestBytes, isLegacy };
}

function parsePbkdf2(hash: string): Pbkdf2Hash | undefined {
  const groups = pbkdf2Pattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const { salt = '', digest = '' } = groups;
  const iterations = Number(groups.iterations);
  if (iterations > maximumPbkdf2Iterations) return undefined;
  return { scheme: 'pbkdf2', iterations, salt, digest: Buffer.from(digest, 'base64') };
}

function decodedBytes(unpaddedBase64: string): number {
  return Math.floor((unpaddedBase64.length * 3) / 4);
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
