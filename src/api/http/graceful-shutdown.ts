/**
 * Graceful shutdown: the readiness check answers 503 and connections end after their next response. Requests that
 * arrive in the meantime are still answered, because closing at once would reset them.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export interface GracefulShutdown {
  isShuttingDown(): boolean;
  /** Resolves when the server may stop to listen. */
  begin(): Promise<void>;
}

/** The least time between red readiness and the end of listening: requests in transit arrive. */
const minDelayMs = 300;
/** Turns of the event loop in which an overloaded process accepts and reads the requests that arrived. */
const turns = 10;

/** @param delayMs time in which requests are accepted after readiness turned red, for slow probes */
export function createGracefulShutdown(delayMs = 0): GracefulShutdown {
  let isBegun = false;
  return {
    isShuttingDown: () => isBegun,
    async begin() {
      isBegun = true;
      await sleep(Math.max(delayMs, minDelayMs));
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    },
  };
}

/** During the shutdown every response is the last one of its connection. */
export function closeConnectionsOnShutdown(
  app: FastifyInstance,
  shutdown: Pick<GracefulShutdown, 'isShuttingDown'>,
): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (shutdown.isShuttingDown()) reply.header('connection', 'close');
    done();
  });
}
