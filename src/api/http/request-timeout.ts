/**
 * The request timeout: when the database hangs, or a commit waits for a replica, the client receives
 * OVERLOADED and may retry. The operation continues and may still take effect.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../../core/errors.ts';

/** One timer checks all open requests, so that a request needs no timer of its own. */
const checkIntervalMs = 100;

/** Answers OVERLOADED when a completely received request has no response after `timeoutMs`. */
export function limitRequestTime(app: FastifyInstance, timeoutMs: number): void {
  /** Open requests with their deadlines, in the order of their start. */
  const open = new Map<FastifyReply, number>();
  app.addHook('onRequest', (_request, reply, done) => {
    open.set(reply, performance.now() + timeoutMs);
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    open.delete(reply);
    done();
  });

  const expire = (reply: FastifyReply) => {
    open.delete(reply);
    if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) return;
    // A request that is still being received has limits of its own.
    if (!reply.request.raw.complete) open.set(reply, performance.now() + timeoutMs);
    else void reply.send(new Problem('OVERLOADED', { retryAfterSeconds: 1 }));
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [reply, deadline] of open) {
      if (deadline > now) break;
      expire(reply);
    }
  }, checkIntervalMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
}
