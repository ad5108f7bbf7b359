/**
 * Nobody waits for ever: when the database hangs, or a commit waits for a replica, the caller is told
 * to try again. What was begun goes on and may yet take effect, as after any lost answer.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../../core/errors.ts';

/** How often the waiting are looked through: one timer for all costs a request nothing. */
const sweepMilliseconds = 100;

/** Answers OVERLOADED once a request that has arrived whole has waited for so long. */
export function limitRequestTime(app: FastifyInstance, milliseconds: number): void {
  /** Who waits, in the order in which they began to, and when that has been too long. */
  const waiting = new Map<FastifyReply, number>();
  app.addHook('onRequest', (_request, reply, done) => {
    waiting.set(reply, performance.now() + milliseconds);
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    waiting.delete(reply);
    done();
  });

  const judge = (reply: FastifyReply) => {
    waiting.delete(reply);
    if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) return;
    // What is still arriving has limits of its own.
    if (!reply.request.raw.complete) waiting.set(reply, performance.now() + milliseconds);
    else void reply.send(new Problem('OVERLOADED', { retryAfterSeconds: 1 }));
  };
  const sweep = setInterval(() => {
    const now = performance.now();
    for (const [reply, due] of waiting) {
      if (due > now) break;
      judge(reply);
    }
  }, sweepMilliseconds).unref();
  app.addHook('onClose', async () => clearInterval(sweep));
}
