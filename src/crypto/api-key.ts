/**
 * The text of API keys: `gk_`, 43 characters with 256 random bits, and 6 characters with a CRC-32 of them. The
 * checksum lets secret scanners and the service reject other text without a look-up. Only a digest is stored.
 */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface NewApiKeySecret {
  readonly secret: string;
  /** The beginning of the secret, to recognise the key. 208 random bits stay secret. */
  readonly prefix: string;
  readonly digest: Buffer;
}

const keyPrefix = 'gk_';
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 43;
const checksumLength = 6;
const shownLength = 8;
const pattern = /^gk_[0-9A-Za-z]{49}$/;

export function createApiKeySecret(): NewApiKeySecret {
  const random = toBase62(BigInt(`0x${randomBytes(32).toString('hex')}`), randomLength);
  const secret = `${keyPrefix}${random}${checksumOf(random)}`;
  return {
    secret,
    prefix: secret.slice(0, keyPrefix.length + shownLength),
    digest: digestOfApiKey(secret),
  };
}

/** Whether a bearer token is meant as an API key. Access tokens never begin like one. */
export function isApiKey(bearer: string): boolean {
  return bearer.startsWith(keyPrefix);
}

/** Whether the text has the form of a key and the right checksum. */
export function isWellFormedApiKey(text: string): boolean {
  if (!pattern.test(text)) return false;
  const random = text.slice(keyPrefix.length, -checksumLength);
  return text.endsWith(checksumOf(random));
}

/** SHA-256 is enough for a secret with 256 random bits. */
export function digestOfApiKey(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function checksumOf(random: string): string {
  return toBase62(BigInt(crc32(random)), checksumLength);
}

function toBase62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = `${digits[Number(rest % 62n)]}${text}`;
  return text.padStart(length, '0');
}
