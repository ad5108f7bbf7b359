/** The worker processes of `serve`: starts them on one port, replaces a failed one, and stops them all. */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import { replyWithAllMetrics } from '../observability/worker-metrics.ts';
import { endBySignal, untilSignalled } from './io.ts';

const restartDelayMs = 1000;

/** Resolves when every worker has ended: after a signal, or after a worker that failed to start. */
export async function superviseWorkers(count: number, log: Log): Promise<void> {
  replyWithAllMetrics();
  const workers = new Set<Worker>();
  let isStopping = false;

  const stop = () => {
    isStopping = true;
    for (const worker of workers) worker.process.kill('SIGTERM');
  };
  void untilSignalled((signal) => {
    for (const worker of workers) worker.process.kill('SIGKILL');
    endBySignal(signal);
  }).then(stop);

  /** Runs one worker, and starts the next one after each failure. */
  const superviseOne = async (): Promise<void> => {
    while (!isStopping) {
      const worker = cluster.fork();
      workers.add(worker);
      let hasListened = false;
      worker.once('listening', () => {
        hasListened = true;
      });
      const [code, signal] = await once(worker, 'exit');
      workers.delete(worker);
      if (isStopping) return;
      log.error({ worker: worker.id, code, signal }, 'worker process exited');
      if (!hasListened) {
        process.exitCode = 1;
        stop();
        return;
      }
      await sleep(restartDelayMs);
    }
  };
  await Promise.all(Array.from({ length: count }, superviseOne));
}
