/**
 * The password hash of a person of Auth0 as a text that `readImportedHash` knows. Sources:
 * https://support.auth0.com/center/s/article/How-to-Use-the-Password-Hashes-Export-from-Auth0 (`passwordHash`) and
 * https://auth0.com/docs/manage-users/user-migration/bulk-user-import-schema (`custom_password_hash`).
 */
import { isObject, type SourceObject } from '../reading/records.ts';
import { firstText } from '../reading/values.ts';

export type Auth0Password =
  | { readonly hash: string | undefined }
  /** Why the hash cannot be used, as a sentence without parts of the hash. */
  | { readonly fault: string };

export function auth0Password(person: SourceObject): Auth0Password {
  const bcrypt = firstText(person.passwordHash, person.password_hash);
  if (bcrypt !== undefined) return { hash: bcrypt };
  const custom = person.custom_password_hash;
  return isObject(custom) ? customHash(custom) : { hash: undefined };
}

/** Algorithms of which `hash.value` is a whole text: bcrypt, or the PHC string format. */
const wholeTexts: ReadonlySet<string> = new Set(['bcrypt', 'argon2', 'pbkdf2', 'scrypt']);

/** The lengths of digests in bytes. */
const digestBytes: Readonly<Record<string, number>> = { md5: 16, sha1: 20 };

function customHash(custom: SourceObject): Auth0Password {
  const algorithm = String(custom.algorithm).toLowerCase();
  const value = firstText(isObject(custom.hash) ? custom.hash.value : custom.hash);
  if (value === undefined) return { fault: 'The custom password hash has no value.' };
  const bytes = digestBytes[algorithm];
  if (bytes !== undefined) return digest(custom, { algorithm, value, bytes });
  const isWhole = wholeTexts.has(algorithm) && value.startsWith('$');
  return isWhole && !isObject(custom.salt)
    ? { hash: value }
    : { fault: 'The algorithm of the custom password hash cannot be verified.' };
}

interface Digest {
  readonly algorithm: string;
  readonly value: string;
  readonly bytes: number;
}

/** Django's form of a digest of the salt and then the password. Other orders have no form. */
function digest(custom: SourceObject, { algorithm, value, bytes }: Digest): Auth0Password {
  const salt = isObject(custom.salt) ? custom.salt : {};
  const password = isObject(custom.password) ? custom.password : {};
  const bytesOfDigest = decode(value, isObject(custom.hash) ? custom.hash.encoding : undefined);
  const saltText = decode(firstText(salt.value) ?? '', salt.encoding ?? 'utf8').toString('utf8');
  if (bytesOfDigest.length !== bytes) return { fault: 'The custom password hash is not valid.' };
  const isUtf8 = password.encoding === undefined || password.encoding === 'utf8';
  if (
    !isUtf8 ||
    (saltText !== '' && salt.position === 'suffix') ||
    /[^\x20-\x7e]|\$/.test(saltText)
  ) {
    return { fault: 'The custom password hash has a salt or an encoding that cannot be verified.' };
  }
  return { hash: `${algorithm}$${saltText}$${bytesOfDigest.toString('hex')}` };
}

function decode(text: string, encoding: unknown): Buffer {
  if (encoding === 'utf8') return Buffer.from(text, 'utf8');
  if (encoding === 'base64') return Buffer.from(text, 'base64');
  return Buffer.from(text, 'hex');
}
