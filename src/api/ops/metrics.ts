/**
 * `/metrics` for Prometheus. With METRICS_KEY it requires the key; without, it answers clients on the same
 * machine and 404 to all others.
 */
import type { FastifyInstance } from 'fastify';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { requireKey, requireLocalClient } from '../http/access-control.ts';

export function serveMetrics(
  app: FastifyInstance,
  {
    metrics,
    key,
    log,
  }: { readonly metrics: Metrics; readonly key: string | undefined; readonly log: Log },
): void {
  // Prometheus uses IP addresses. DNS rebinding gains nothing: a web page has no key, and without a key
  // only loopback names are accepted.
  const config = { acceptsAnyHost: true };
  app.get('/metrics', { config }, async (request, reply) => {
    if (key === undefined) requireLocalClient(request);
    else requireKey(request, { key, event: 'metrics', log });
    const text = await metrics.text();
    return reply.type(metrics.registry.contentType).send(text);
  });
}
