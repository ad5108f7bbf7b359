/** Keys that other machines show as a bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { Log } from '../../observability/log.ts';
import { logSecurityEvent } from '../../observability/security-log.ts';

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
  logSecurityEvent(log, { event, outcome: 'refused', code: 'UNAUTHENTICATED', ip, requestId });
  throw new Problem('UNAUTHENTICATED');
}

const loopbackAddress = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;
/** A proxy usually passes on the name that its callers use. */
const loopbackHost = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])\.?(:\d+)?$/i;

/** Headers that proxies add: behind a proxy of this machine every caller has a loopback address. */
const proxyHeader =
  /^(forwarded|via|x-forwarded(-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|x-original-.*|true-client-ip|cf-.*|fastly-client-ip|x-envoy-.*)$/;

/** @throws NOT_FOUND for a caller on another machine, or behind a proxy */
export function requireThisMachine(request: FastifyRequest): void {
  if (!isFromThisMachine(request)) throw new Problem('NOT_FOUND');
}

function isFromThisMachine({ raw, headers }: FastifyRequest): boolean {
  return (
    loopbackAddress.test(raw.socket.remoteAddress ?? '') &&
    loopbackHost.test(headers.host ?? '') &&
    !Object.keys(headers).some((name) => proxyHeader.test(name))
  );
}
