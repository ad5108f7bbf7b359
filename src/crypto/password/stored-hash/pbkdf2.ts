/** PBKDF2 in the forms of Django, passlib and PHC strings. */
import { base64Text, decodeBase64 } from './base64.ts';

export interface Pbkdf2Hash {
  readonly scheme: 'pbkdf2';
  readonly algorithm: Pbkdf2Algorithm;
  readonly iterations: number;
  readonly salt: Buffer;
  /** At most one block of the algorithm. */
  readonly digest: Buffer;
}

type Pbkdf2Algorithm = 'sha1' | 'sha256' | 'sha512';

const digestBytes = { sha1: 20, sha256: 32, sha512: 64 } as const satisfies Record<
  Pbkdf2Algorithm,
  number
>;
const leastDigestBytes = 16;
const longestDigestBytes = 128;
const longestSaltBytes = 128;

/** The salt is used as it is written. */
const djangoPattern =
  /^pbkdf2_(?<algorithm>sha256|sha1)\$(?<iterations>[1-9]\d{0,9})\$(?<salt>[^$\p{Cc}\p{Cs}]{1,64})\$(?<digest>[A-Za-z0-9+/]+={0,2})$/u;
/** `$pbkdf2-sha256$i=600000,l=32$salt$digest`, and `$pbkdf2-sha256$600000$salt$digest` of passlib. */
const phcPattern = new RegExp(
  `^\\$pbkdf2(?:-(?<algorithm>sha1|sha256|sha512))?\\$(?:i=)?(?<iterations>[1-9]\\d{0,9})(?:,l=(?<bytes>\\d{1,3}))?` +
    `\\$(?<salt>${base64Text})\\$(?<digest>${base64Text})$`,
);

export function readPbkdf2(hash: string): Pbkdf2Hash | undefined {
  return readDjango(hash) ?? readPhc(hash);
}

function readDjango(hash: string): Pbkdf2Hash | undefined {
  const groups = djangoPattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const algorithm = groups.algorithm === 'sha1' ? 'sha1' : 'sha256';
  const digest = decodeBase64(groups.digest ?? '');
  if (digest?.length !== digestBytes[algorithm]) return undefined;
  const salt = Buffer.from(groups.salt ?? '');
  return { scheme: 'pbkdf2', algorithm, iterations: Number(groups.iterations), salt, digest };
}

/**
 * Keycloak's digests have 64 bytes with each algorithm, and so several blocks with SHA-1 and SHA-256. Each block is
 * computed from the password separately. The first one is enough to verify it, at the cost of one block.
 */
function readPhc(hash: string): Pbkdf2Hash | undefined {
  const groups = phcPattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const algorithm = algorithmOf(groups.algorithm);
  const [salt, digest] = [decodeBase64(groups.salt ?? ''), decodeBase64(groups.digest ?? '')];
  if (!salt || salt.length > longestSaltBytes || !digest) return undefined;
  if (digest.length < leastDigestBytes || digest.length > longestDigestBytes) return undefined;
  if (groups.bytes !== undefined && Number(groups.bytes) !== digest.length) return undefined;
  const block = digest.subarray(0, digestBytes[algorithm]);
  return {
    scheme: 'pbkdf2',
    algorithm,
    iterations: Number(groups.iterations),
    salt,
    digest: block,
  };
}

/** `$pbkdf2$` is passlib's name of PBKDF2 with SHA-1. */
function algorithmOf(name: string | undefined): Pbkdf2Algorithm {
  return name === 'sha256' || name === 'sha512' ? name : 'sha1';
}
