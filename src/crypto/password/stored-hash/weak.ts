/**
 * MD5 and SHA-1 digests of passwords. Such a digest is never stored by itself and verifies nothing. It is stored
 * wrapped: an argon2id hash of its hexadecimal form, with the salt that leads from the password to the digest.
 */
import { type Argon2Hash, readArgon2 } from './argon2.ts';

/** How the digest was computed: of the salt, then the password. */
interface WeakScheme {
  readonly algorithm: 'md5' | 'sha1';
  /** Used as it is written; may be empty. */
  readonly salt: string;
}

export interface WeakHash extends WeakScheme {
  /** Hexadecimal, lower case. */
  readonly digest: string;
}

/** An argon2id hash of a weak digest. */
export interface WrappedHash extends WeakScheme {
  readonly scheme: 'wrapped';
  /** Of the hexadecimal digest. */
  readonly argon2: Argon2Hash;
}

/** Django's `md5$salt$digest` and `sha1$salt$digest`, also with an empty salt, and bare digests. */
const weakPattern =
  /^(?:(?<algorithm>md5|sha1)\$(?<salt>[^$\p{Cc}\p{Cs}]{0,64})\$)?(?<digest>[0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{8})?)$/u;
const wrappedPattern =
  /^argon2_wrapped_(?<algorithm>md5|sha1)\$(?<salt>[^$\p{Cc}\p{Cs}]{0,64})(?<phc>\$argon2id\$.+)$/u;

export function readWeak(hash: string): WeakHash | undefined {
  const groups = weakPattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const digest = (groups.digest ?? '').toLowerCase();
  const algorithm = digest.length === 32 ? 'md5' : 'sha1';
  if (groups.algorithm !== undefined && groups.algorithm !== algorithm) return undefined;
  return { algorithm, salt: groups.salt ?? '', digest };
}

/** The text of a weak hash in Django's form. */
export function formatWeak({ algorithm, salt, digest }: WeakHash): string {
  return `${algorithm}$${salt}$${digest}`;
}

/** @param argon2id the PHC form of the hash of the hexadecimal digest */
export function formatWrapped({ algorithm, salt }: WeakScheme, argon2id: string): string {
  return `argon2_wrapped_${algorithm}$${salt}${argon2id}`;
}

/** The argon2id hash of a wrapped hash with the same algorithm and salt as the weak one; undefined for another hash. */
export function argon2OfWrapped(stored: string, weak: WeakHash): string | undefined {
  const { algorithm, salt, phc } = wrappedPattern.exec(stored)?.groups ?? {};
  return algorithm === weak.algorithm && salt === weak.salt ? phc : undefined;
}

export function readWrapped(hash: string): WrappedHash | undefined {
  const groups = wrappedPattern.exec(hash)?.groups;
  const argon2 = groups && readArgon2(groups.phc ?? '');
  if (!argon2) return undefined;
  const algorithm = groups.algorithm === 'md5' ? 'md5' : 'sha1';
  return { scheme: 'wrapped', algorithm, salt: groups.salt ?? '', argon2 };
}
