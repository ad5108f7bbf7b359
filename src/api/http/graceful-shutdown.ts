/**
 * The beginning of the end: whoever probes hears that nothing more should be sent here, and whoever
 * keeps a connection that it will be closed. What is on its way meanwhile is still answered; closing
 * at once would reset it.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export interface GracefulShutdown {
  isShuttingDown(): boolean;
  /** Resolves when what was on its way has arrived. */
  begin(): Promise<void>;
}

/** The least time between readiness turning red and the end of listening: requests on their way arrive. */
const minDelayMs = 300;
/** Turns of the event loop: a process that had no time for it accepts and reads now what came meanwhile. */
const turns = 10;

/** @param delayMs how long requests are still accepted after readiness turned red, for slow probes */
export function createGracefulShutdown(delayMs = 0): GracefulShutdown {
  let isSaid = false;
  return {
    isShuttingDown: () => isSaid,
    async begin() {
      isSaid = true;
      await sleep(Math.max(delayMs, minDelayMs));
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    },
  };
}

/** Answers are the last ones of their connections from then on. */
export function endConnectionsAfter(
  app: FastifyInstance,
  shutdown: Pick<GracefulShutdown, 'isShuttingDown'>,
): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (shutdown.isShuttingDown()) reply.header('connection', 'close');
    done();
  });
}
