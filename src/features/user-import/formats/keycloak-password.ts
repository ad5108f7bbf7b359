/**
 * The password credential of a person of Keycloak as a text that `readImportedHash` knows. Sources, in
 * https://github.com/keycloak/keycloak: `PasswordCredentialModel`, `Pbkdf2PasswordHashProviderFactory` and
 * `Argon2PasswordHashProvider`; the flat fields are those of versions before 8.
 */
import { isObject, type SourceObject } from '../reading/records.ts';
import { base64Of, firstText, objectOf, objectsOf } from '../reading/values.ts';

export type PasswordCredential =
  | { readonly kind: 'none' }
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'plain' }
  /** The message is a sentence without parts of the credential. */
  | { readonly kind: 'unknown'; readonly message: string };

const digests: Readonly<Record<string, string>> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha1': 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
};

export function passwordOf(credentials: unknown): PasswordCredential {
  const credential = objectsOf(credentials).find(({ type }) => type === 'password');
  if (!credential) return { kind: 'none' };
  const secret = objectOf(credential.secretData);
  const data = objectOf(credential.credentialData);
  if (secret && data) {
    const { hashIterations, algorithm, additionalParameters } = data;
    return formatHash({
      algorithm,
      iterations: hashIterations,
      parameters: isObject(additionalParameters) ? additionalParameters : {},
      salt: secret.salt,
      digest: secret.value,
    });
  }
  if (firstText(credential.hashedSaltedValue) !== undefined) {
    return formatHash({
      algorithm: credential.algorithm ?? 'pbkdf2',
      iterations: credential.hashIterations,
      parameters: {},
      salt: credential.salt,
      digest: credential.hashedSaltedValue,
    });
  }
  if (firstText(credential.value) !== undefined) return { kind: 'plain' };
  return { kind: 'unknown', message: 'The password credential has no hash.' };
}

interface HashParts {
  readonly algorithm: unknown;
  readonly iterations: unknown;
  readonly parameters: SourceObject;
  readonly salt: unknown;
  readonly digest: unknown;
}

function formatHash(parts: HashParts): PasswordCredential {
  const { algorithm, iterations } = parts;
  if (typeof algorithm !== 'string') return incomplete;
  // A provider of bcrypt, which is no part of Keycloak, writes the whole hash.
  const whole = firstText(parts.digest);
  if (algorithm === 'bcrypt' && whole?.startsWith('$2')) return { kind: 'hash', hash: whole };
  const salt = base64Of(parts.salt)?.replace(/=+$/, '');
  const digest = base64Of(parts.digest)?.replace(/=+$/, '');
  if (!salt || !digest || !Number.isInteger(iterations)) return incomplete;
  const name = digests[algorithm.toLowerCase()];
  if (name !== undefined) {
    return { kind: 'hash', hash: `$pbkdf2-${name}$i=${iterations}$${salt}$${digest}` };
  }
  if (algorithm !== 'argon2') {
    return { kind: 'unknown', message: 'The algorithm of the password hash is not known.' };
  }
  const settings = argon2Settings(parts.parameters);
  if (!settings) return incomplete;
  const { type, version, memory, parallelism } = settings;
  const costs = `m=${memory},t=${iterations},p=${parallelism}`;
  return { kind: 'hash', hash: `$argon2${type}$v=${version}$${costs}$${salt}$${digest}` };
}

const incomplete: PasswordCredential = {
  kind: 'unknown',
  message: 'The password credential is not complete.',
};

function argon2Settings(parameters: SourceObject) {
  const text = (name: string) => {
    const value = parameters[name];
    return String(Array.isArray(value) ? value[0] : value);
  };
  const [type, memory, parallelism] = [text('type'), text('memory'), text('parallelism')];
  const version = { '1.0': 16, '1.3': 19 }[text('version')];
  const isValid = /^(id|i|d)$/.test(type) && /^\d+$/.test(memory) && /^\d+$/.test(parallelism);
  return isValid && version !== undefined ? { type, version, memory, parallelism } : undefined;
}
