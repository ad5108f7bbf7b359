/** Ids of requests: UUIDs that sort by time, made from random bytes that are fetched in bulk. */
import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const bytesEach = 16;
const pool = new Uint8Array(bytesEach * 256);
let used = pool.length;

/** Unique, and no secret. */
export function nextRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + bytesEach);
  used += bytesEach;
  return uuidv7({ random });
}
