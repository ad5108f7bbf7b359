/** The parser of the stored hash of an imported person. It computes no hash. */
import { readImportedHash } from '../../../crypto/password/imported-hash.ts';
import { Refusal } from './fields.ts';

export interface ImportedPassword {
  /** The hash as it is stored, or a weak hash that is wrapped before it is stored. */
  readonly hash: string;
  readonly isWeak: boolean;
}

/**
 * Null for a hash that marks an account without a password, undefined for a person without this field.
 *
 * @throws Refusal
 */
export function parsePassword(
  raw: unknown,
  allowWeakHashes: boolean,
): ImportedPassword | null | undefined {
  if (raw === undefined || raw === null) return undefined;
  if (typeof raw !== 'string') throw new Refusal('passwordHash', 'Must be a text.');
  const imported = readImportedHash(raw);
  switch (imported.kind) {
    case 'none':
      return null;
    case 'usable':
      return { hash: imported.hash, isWeak: false };
    case 'weak':
      if (allowWeakHashes) return { hash: imported.hash, isWeak: true };
      throw new Refusal(
        'passwordHash',
        'The hash is weak: MD5 and SHA-1 are computed too fast.',
        'Use --allow-weak-hashes, which stores it inside of an argon2id hash.',
      );
    case 'unusable':
      throw new Refusal('passwordHash', imported.reason, imported.remedy);
  }
}
