/**
 * Keys for separate purposes, all derived from SECRET_KEY (HKDF, RFC 5869), so that a value made
 * for one purpose never passes for another.
 */
import { hkdfSync } from 'node:crypto';

export type KeyPurpose =
  | 'one-time-secret'
  | 'refresh-token'
  | 'signing-key-seal'
  | 'audit-chain'
  | 'audit-subject-key'
  | 'rate-limit';

/** 32 bytes for one purpose. */
export function deriveKey(secretKey: string, purpose: KeyPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, 'gatehouse', purpose, 32));
}
