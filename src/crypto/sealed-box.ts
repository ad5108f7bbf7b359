/** Seals bytes for the database with AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const nonceBytes = 12;
const tagBytes = 16;

/** `label` is authenticated with the box, so that a box copied to another row does not open. */
export function seal(key: Buffer, label: string, plain: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(label));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

/** @throws Error when key, label or bytes differ */
export function unseal(key: Buffer, label: string, box: Buffer): Buffer {
  const tagStart = box.length - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes))
    .setAAD(Buffer.from(label))
    .setAuthTag(box.subarray(tagStart));
  return Buffer.concat([decipher.update(box.subarray(nonceBytes, tagStart)), decipher.final()]);
}

/** The same; returns undefined when key, label or bytes differ. */
export function tryUnseal(key: Buffer, label: string, box: Buffer): Buffer | undefined {
  try {
    return unseal(key, label, box);
  } catch {
    return undefined;
  }
}
