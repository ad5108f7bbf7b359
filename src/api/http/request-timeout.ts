/**
 * The request timeout: when the database hangs, or a commit waits for a replica, the client receives
 * OVERLOADED and may retry. The operation continues and may still take effect.
 *
 * The `handlerTimeout` of Fastify 5.12 is no replacement: its timer ends when the body has been read, so it does not
 * limit a POST. It would also limit the time of the client for sending its body.
 */
import type { FastifyInstance } from 'fastify';
import { Problem } from '../../core/errors.ts';

/** Answers OVERLOADED when a completely received request has no response after `timeoutMs`. */
export function limitRequestTime(app: FastifyInstance, timeoutMs: number): void {
  app.addHook('onRequest', (request, reply, done) => {
    const timer = setTimeout(() => {
      if (reply.sent || reply.raw.headersSent) return;
      // A request that is still being received has limits of its own.
      if (!request.raw.complete) timer.refresh();
      else void reply.send(new Problem('OVERLOADED', { retryAfterSeconds: 1 }));
    }, timeoutMs);
    reply.raw.once('close', () => clearTimeout(timer));
    done();
  });
}
