/** Decides whether the password hash of another system can be taken over. It computes nothing. */
import { defaultHashParameters, hasParameters } from './parameters.ts';
import { argon2Prefix } from './stored-hash/argon2.ts';
import { isAffordableHash } from './stored-hash/cost.ts';
import { longestStoredHash, readStoredHash } from './stored-hash/stored-hash.ts';
import { formatWeak, readWeak } from './stored-hash/weak.ts';

export type ImportedHash =
  /** `hash` is stored, and its password logs in. */
  | { readonly kind: 'usable'; readonly hash: string }
  /** The account has no password. */
  | { readonly kind: 'none' }
  /** MD5 or SHA-1; `hash` is the input of `wrapWeak` and must not be stored. */
  | { readonly kind: 'weak'; readonly hash: string }
  /** No password can be verified with it. Both texts are sentences without the hash. */
  | { readonly kind: 'unusable'; readonly reason: string; readonly remedy: string };

const remedy =
  'Import the account without a password hash. Its owner then sets a password by a password reset.';

/** Django's unusable password is `!` with random characters. */
const noPassword = /^$|^!/;

/** Schemes that are recognized, so that the reason has their name. */
const unsupported: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Unix crypt with MD5', /^(?:crypt\$[^$]*\$)?\$(?:1|apr1)\$/],
  ['Unix crypt with SHA-2', /^(?:crypt\$[^$]*\$)?\$[56]\$/],
  ['yescrypt', /^\$(?:y|gy|7)\$/],
  ['Unix crypt', /^crypt\$|^\$2x?\$/],
  ['phpass (WordPress, phpBB)', /^\$[PH]\$/],
  ['Drupal', /^\$S\$/],
  ['LDAP', /^\{[A-Za-z0-9_-]+\}/],
];

const supported: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['argon2', /^(?:argon2)?\$argon2/],
  ['a wrapped digest', /^argon2_wrapped_/],
  ['bcrypt', /^(?:bcrypt(?:_sha256)?\$)?\$2[aby]\$/],
  ['PBKDF2', /^\$?pbkdf2/],
  ['scrypt', /^\$?scrypt\$/],
  ["Firebase's scrypt", /^\$fbscrypt\$/],
  ['MD5 or SHA-1', /^(?:md5|sha1)\$/],
];

/** Surrounding white space is not part of the hash. */
export function readImportedHash(raw: string): ImportedHash {
  const text = raw.length > 2 * longestStoredHash ? raw : raw.trim();
  if (noPassword.test(text)) return { kind: 'none' };
  if (text.length > longestStoredHash) return unusable('The text is longer than any hash.');
  const stored = readStoredHash(text);
  if (stored && !isAffordableHash(stored))
    return unusable('One comparison with this hash would take too much time or memory.');
  if (stored) {
    const isUnmarked = stored.scheme === 'argon2' && !stored.isLegacy;
    // The index of the hashes of other schemes must include it.
    const isMarked = isUnmarked && !hasParameters(stored.parameters, defaultHashParameters);
    return { kind: 'usable', hash: isMarked ? `${argon2Prefix}${text}` : text };
  }
  const weak = readWeak(text);
  return weak ? { kind: 'weak', hash: formatWeak(weak) } : unusable(reasonFor(text));
}

function reasonFor(text: string): string {
  const known = nameOf(supported, text);
  if (known !== undefined) return `The hash starts like ${known}, but it is not valid.`;
  const name = nameOf(unsupported, text);
  return name === undefined
    ? 'The format of the hash is not known.'
    : `Hashes of ${name} cannot be verified.`;
}

function nameOf(table: typeof supported, text: string): string | undefined {
  return table.find(([, pattern]) => pattern.test(text))?.[0];
}

function unusable(reason: string): ImportedHash {
  return { kind: 'unusable', reason, remedy };
}
