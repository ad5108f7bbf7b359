/**
 * Health checks: liveness of the process, and readiness for requests. Probes use an IP address, so these
 * routes accept any Host header, and none: HAProxy sends HTTP/1.0 without one by default.
 */
import type { FastifyInstance } from 'fastify';

export function serveHealth(app: FastifyInstance, isReady: () => Promise<boolean>): void {
  const config = { acceptsAnyHost: true };
  app.get('/health/live', { config }, (_request, reply) =>
    reply.send({ message: 'Alive', data: {} }),
  );
  app.get('/health/ready', { config }, async (_request, reply) =>
    (await isReady())
      ? reply.send({ message: 'Ready', data: {} })
      : reply.code(503).header('retry-after', '1').send({ message: 'Not ready', data: {} }),
  );
}
