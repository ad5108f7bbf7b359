/** Several server processes that share the port: starts them, replaces one that dies, ends them all. */
import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../core/log.ts';

const restartDelayMilliseconds = 1000;

/** Resolves when every worker has ended after a signal, or when the first ones could not start. */
export async function superviseWorkers(count: number, log: Log): Promise<void> {
  let isStopping = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const live = () => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);

  const stop = (signal: NodeJS.Signals) => {
    isStopping = true;
    for (const worker of live()) worker.process.kill(signal);
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));

  cluster.on('exit', async (worker, code, signal) => {
    if (!isStopping) {
      log.error({ worker: worker.id, code, signal }, 'a worker ended; starting another one');
      await sleep(restartDelayMilliseconds);
    }
    if (!isStopping) cluster.fork();
    else if (live().length === 0) resolve();
  });
  for (let number = 0; number < count; number += 1) cluster.fork();
  await promise;
}
