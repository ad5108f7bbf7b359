/**
 * Refresh tokens: session id, counter and a truncated HMAC over both. Nothing of the token is
 * stored; the session row keeps the counter, and a forged token fails without a query.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { parse as uuidBytes, stringify as uuidText } from 'uuid';
import { deriveKey } from './keys.ts';

const idBytes = 16;
const counterBytes = 4;
const macBytes = 16;
const tokenBytes = idBytes + counterBytes + macBytes;

export interface RefreshTokenContent {
  readonly sessionId: string;
  readonly counter: number;
}

export interface RefreshTokens {
  /** 48 base64url characters. */
  issue(content: RefreshTokenContent): string;
  /** Returns undefined for a forged or malformed token. */
  open(token: string): RefreshTokenContent | undefined;
}

export function createRefreshTokens(secretKey: string): RefreshTokens {
  const key = deriveKey(secretKey, 'refresh-token');
  const mac = (bytes: Buffer) =>
    createHmac('sha256', key).update(bytes).digest().subarray(0, macBytes);

  return {
    issue({ sessionId, counter }) {
      const body = Buffer.alloc(idBytes + counterBytes);
      body.set(uuidBytes(sessionId));
      body.writeUInt32BE(counter, idBytes);
      return Buffer.concat([body, mac(body)]).toString('base64url');
    },
    open(token) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length !== tokenBytes || bytes.toString('base64url') !== token) return undefined;
      const body = bytes.subarray(0, idBytes + counterBytes);
      if (!timingSafeEqual(mac(body), bytes.subarray(body.length))) return undefined;
      return {
        sessionId: uuidText(body.subarray(0, idBytes)),
        counter: body.readUInt32BE(idBytes),
      };
    },
  };
}
