/**
 * Routes that answer this machine only: `/metrics` without a key and the development mailbox. To
 * other callers such a route does not exist.
 */
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/errors.ts';

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
