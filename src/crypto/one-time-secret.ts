/**
 * Secrets of one-time passwords. A secret is derived from the id of its row, so a mail can be rendered again after a
 * crash. The database has only the digest of the long secret, and nothing of the short code.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from './keys.ts';

const secretBytes = 16;
const secretPattern = /^[A-Za-z0-9_-]{22}$/;

declare const brand: unique symbol;
/** A code to type, as `XXXX-XXXX` in the alphabet of Crockford's Base32. */
export type ShortCode = string & { readonly [brand]: 'ShortCode' };

export interface OneTimeSecrets {
  /** The secret that belongs to the row `id`: 128 bits, 22 base64url characters. */
  derive(id: string): string;
  /**
   * The short code of the row `id`: 40 bits. It can be guessed, so callers count the attempts and accept it only
   * together with the address.
   */
  deriveShort(id: string): ShortCode;
}

export function createOneTimeSecrets(secretKey: string): OneTimeSecrets {
  const key = deriveKey(secretKey, 'one-time-secret');
  const shortKey = deriveKey(secretKey, 'one-time-short-code');
  return {
    derive: (id) =>
      createHmac('sha256', key).update(id).digest().subarray(0, secretBytes).toString('base64url'),
    deriveShort: (id) => toShortCode(createHmac('sha256', shortKey).update(id).digest()),
  };
}

/** The stored digest; a plain hash is enough for 128 random bits (ASVS 6.5.2). */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Whether `text` has the format of a secret; other texts need no query. */
export function looksLikeSecret(text: string): boolean {
  return secretPattern.test(text);
}

/** Crockford's Base32: without I, L, O and U, which are read as 1, 0 and V. */
const shortAlphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const shortLength = 8;
const misreadings: Readonly<Record<string, string>> = { I: '1', L: '1', O: '0', U: 'V' };
const shortPattern = new RegExp(`^[${shortAlphabet}]{${shortLength}}$`);

/** Five bits of the first bytes for each character. */
function toShortCode(bytes: Buffer): ShortCode {
  const value = bytes.readUIntBE(0, (shortLength * 5) / 8);
  const characters = Array.from({ length: shortLength }, (_, index) =>
    shortAlphabet.charAt(Math.floor(value / 32 ** (shortLength - 1 - index)) % 32),
  );
  return group(characters.join(''));
}

function group(characters: string): ShortCode {
  const half = shortLength / 2;
  return `${characters.slice(0, half)}-${characters.slice(half)}` as ShortCode; // of the alphabet
}

/**
 * A short code that a person typed, in canonical form; undefined for other text. Case, spaces and dashes do not matter,
 * and a letter outside the alphabet counts as the character that it resembles.
 */
export function readShortCode(text: string): ShortCode | undefined {
  if (looksLikeSecret(text)) return undefined;
  const characters = text
    .normalize('NFKC')
    .replace(/[\s\p{Pd}\u2212_]/gu, '')
    .toUpperCase()
    .replace(/[ILOU]/g, (letter) => misreadings[letter] ?? letter);
  return shortPattern.test(characters) ? group(characters) : undefined;
}

const inText = new RegExp(`\\b[${shortAlphabet}]{4}-[${shortAlphabet}]{4}\\b`, 'g');

/** The words of `text` in the canonical form of a short code. */
export function shortCodesIn(text: string): string[] {
  return text.match(inText) ?? [];
}

/** Compares in constant time. */
export function isSameShortCode(one: ShortCode, other: ShortCode): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
