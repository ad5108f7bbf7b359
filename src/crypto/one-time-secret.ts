/**
 * Secrets of one-time passwords. A secret is derived from the id of its row, so a mail can be rendered again after a
 * crash, and the database has only its digest.
 */
import { createHash, createHmac } from 'node:crypto';
import { deriveKey } from './keys.ts';

const secretBytes = 16;
const secretPattern = /^[A-Za-z0-9_-]{22}$/;

export interface OneTimeSecrets {
  /** The secret that belongs to the row `id`: 128 bits, 22 base64url characters. */
  derive(id: string): string;
}

export function createOneTimeSecrets(secretKey: string): OneTimeSecrets {
  const key = deriveKey(secretKey, 'one-time-secret');
  return {
    derive: (id) =>
      createHmac('sha256', key).update(id).digest().subarray(0, secretBytes).toString('base64url'),
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
