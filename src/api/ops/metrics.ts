/**
 * `/metrics` for Prometheus. Open to whoever shows METRICS_KEY or, where none is set, to this machine
 * itself; to all others there is nothing here.
 */
import type { FastifyInstance } from 'fastify';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { requireKey, requireThisMachine } from '../http/access-control.ts';

export function serveMetrics(
  app: FastifyInstance,
  {
    metrics,
    key,
    log,
  }: { readonly metrics: Metrics; readonly key: string | undefined; readonly log: Log },
): void {
  // Prometheus finds replicas by their address. A page that lures a browser here has no key, and where
  // none is set only the names of this machine are served.
  const config = { isForAnyHost: true };
  app.get('/metrics', { config }, async (request, reply) => {
    if (key === undefined) requireThisMachine(request);
    else requireKey(request, { key, event: 'metrics', log });
    const text = await metrics.text();
    return reply.type(metrics.contentType).send(text);
  });
}
