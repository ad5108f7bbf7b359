/**
 * `/metrics` for Prometheus. Open to whoever shows METRICS_KEY or, where none is set, to this machine
 * itself; to all others there is nothing here.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import { holdsKey } from './bearer-key.ts';

const loopback = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;
/** What proxies add: behind one of this machine everybody seems to be local. */
const forwardedHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

export function serveMetrics(
  app: FastifyInstance,
  { metrics, key }: { readonly metrics: Metrics; readonly key: string | undefined },
): void {
  // Prometheus finds replicas by their address; a page that lures a browser here has no key.
  const config = { isForAnyHost: key !== undefined };
  app.get('/metrics', { config }, async (request, reply) => {
    if (key === undefined && !isLocal(request)) throw new Problem('NOT_FOUND');
    if (key !== undefined && !holdsKey(request.headers.authorization, key)) {
      throw new Problem('UNAUTHENTICATED');
    }
    const text = await metrics.text();
    return reply.type(metrics.contentType).send(text);
  });
}

function isLocal({ raw, headers }: FastifyRequest): boolean {
  return (
    loopback.test(raw.socket.remoteAddress ?? '') &&
    forwardedHeaders.every((name) => headers[name] === undefined)
  );
}
