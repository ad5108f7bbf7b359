/** Access to the endpoints of operators: a key as bearer token, or a client on the same machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { Log } from '../../observability/log.ts';
import { logSecurityEvent } from '../../observability/security-log.ts';

/** Compares digests, which have the same length, in constant time. */
function hasKey(header: string | undefined, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${key}`));
}

/**
 * Accepts a request with the key as bearer token, and logs any other as a security event.
 *
 * @param event the endpoint, such as `metrics`
 * @throws UNAUTHENTICATED
 */
export function requireKey(
  { headers, ip, id: requestId }: FastifyRequest,
  { key, event, log }: { readonly key: string; readonly event: string; readonly log: Log },
): void {
  if (hasKey(headers.authorization, key)) return;
  logSecurityEvent(log, { event, outcome: 'refused', code: 'UNAUTHENTICATED', ip, requestId });
  throw new Problem('UNAUTHENTICATED');
}

const loopbackAddress = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;
/** A proxy usually forwards the host name of its clients. */
const loopbackHost = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])\.?(:\d+)?$/i;

/** Headers that proxies add. Behind a proxy on this machine every client has a loopback address. */
const proxyHeader =
  /^(forwarded|via|x-forwarded(-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|x-original-.*|true-client-ip|cf-.*|fastly-client-ip|x-envoy-.*)$/;

/** @throws NOT_FOUND for a client on another machine, or behind a proxy */
export function requireLocalClient({ raw, headers }: FastifyRequest): void {
  const isLocal =
    loopbackAddress.test(raw.socket.remoteAddress ?? '') &&
    loopbackHost.test(headers.host ?? '') &&
    !Object.keys(headers).some((name) => proxyHeader.test(name));
  if (!isLocal) throw new Problem('NOT_FOUND');
}
