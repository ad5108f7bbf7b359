/**
 * Nobody waits for ever: when the database hangs, or a commit waits for a replica, the caller is told
 * to try again. What was begun goes on and may yet take effect, as after any lost answer.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../core/errors.ts';

/** Answers OVERLOADED once a request that has arrived whole has waited for so long. */
export function keepDeadline(app: FastifyInstance, milliseconds: number): void {
  const answering = new WeakSet<FastifyReply>();
  app.addHook('onSend', (_request, reply, _payload, done) => {
    answering.add(reply);
    done();
  });
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const timer = setInterval(() => {
      // What is still arriving has limits of its own.
      if (!raw.complete) return;
      clearInterval(timer);
      if (reply.sent || reply.raw.headersSent || answering.has(reply)) return;
      void reply.send(new Problem('OVERLOADED', { retryAfterSeconds: 1 }));
    }, milliseconds);
    reply.raw.once('close', () => clearInterval(timer));
    done();
  });
}
