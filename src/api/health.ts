/** Whether the process lives, and whether it can do its work. */
import type { FastifyInstance } from 'fastify';

export function serveHealth(app: FastifyInstance, isReady: () => Promise<boolean>): void {
  app.get('/health/live', (_request, reply) => reply.send({ message: 'Alive', data: {} }));
  app.get('/health/ready', async (_request, reply) =>
    (await isReady())
      ? reply.send({ message: 'Ready', data: {} })
      : reply.code(503).header('retry-after', '1').send({ message: 'Not ready', data: {} }),
  );
}
