/** Keys that other machines show as a bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/errors.ts';
import { tellEvent } from '../core/events.ts';
import type { Log } from '../core/log.ts';

/** Whether the header holds the key: compared as digests, of equal length, in constant time. */
function holdsKey(header: string | undefined, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${key}`));
}

/**
 * Lets the request pass when it shows the key, and logs it otherwise as a security event.
 *
 * @param event what was asked for, such as `metrics`
 * @throws UNAUTHENTICATED
 */
export function requireKey(
  { headers, ip, id: requestId }: FastifyRequest,
  { key, event, log }: { readonly key: string; readonly event: string; readonly log: Log },
): void {
  if (holdsKey(headers.authorization, key)) return;
  tellEvent(log, { event, outcome: 'refused', code: 'UNAUTHENTICATED', ip, requestId });
  throw new Problem('UNAUTHENTICATED');
}
