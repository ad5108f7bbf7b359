/** Keys that other machines show as a bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether the header holds the key: compared as digests, of equal length, in constant time. */
export function holdsKey(header: string | undefined, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${key}`));
}
