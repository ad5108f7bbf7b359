/** argon2 in PHC form, also with Django's prefix `argon2`. */
import type { HashParameters } from '../parameters.ts';
import { decodeBase64 } from './base64.ts';

/** An argon2 hash in PHC form. */
export interface Argon2Hash {
  readonly scheme: 'argon2';
  readonly phc: string;
  readonly variant: string;
  /** 19, or 16 in old hashes, which may omit it. */
  readonly version: number;
  readonly parameters: HashParameters;
  readonly saltBytes: number;
  readonly digestBytes: number;
  /** Whether the hash has Django's prefix. */
  readonly isLegacy: boolean;
}

/** Django's prefix. It also marks imported hashes, because the index of other schemes does not include argon2id. */
export const argon2Prefix = 'argon2';

const pattern =
  /^(?<prefix>argon2)?(?<phc>\$(?<variant>argon2id|argon2i|argon2d)(?:\$v=(?<v>16|19))?\$m=(?<m>[1-9]\d{0,9}),t=(?<t>[1-9]\d{0,9}),p=(?<p>[1-9]\d{0,7})\$(?<salt>[A-Za-z0-9+/]+)\$(?<digest>[A-Za-z0-9+/]+))$/;

export function readArgon2(hash: string): Argon2Hash | undefined {
  const groups = pattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const { prefix, phc = '', variant = '', v = '16', m, t, p, salt = '', digest = '' } = groups;
  const saltBytes = decodeBase64(salt)?.length ?? 0;
  const digestBytes = decodeBase64(digest)?.length ?? 0;
  if (!isBetween(saltBytes, 8, 64) || !isBetween(digestBytes, 16, 64)) return undefined;
  return {
    scheme: 'argon2',
    phc,
    variant,
    version: Number(v),
    parameters: { memoryKib: Number(m), iterations: Number(t), parallelism: Number(p) },
    saltBytes,
    digestBytes,
    isLegacy: prefix !== undefined,
  };
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
