/** Several server processes that share the port: starts them, replaces one that dies, ends them all. */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../observability/log.ts';
import { answerForAllMetrics } from '../../observability/worker-metrics.ts';
import { endBySignal, untilSignalled } from '../signals.ts';

const restartMilliseconds = 1000;

/** Resolves when every worker has ended: after a signal, or because one could not even start. */
export async function superviseWorkers(count: number, log: Log): Promise<void> {
  answerForAllMetrics();
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

  /** Keeps one place filled. */
  const keep = async (): Promise<void> => {
    while (!isStopping) {
      const worker = cluster.fork();
      workers.add(worker);
      let hasServed = false;
      worker.once('listening', () => {
        hasServed = true;
      });
      const [code, signal] = await once(worker, 'exit');
      workers.delete(worker);
      if (isStopping) return;
      log.error({ worker: worker.id, code, signal }, 'worker process exited');
      if (!hasServed) {
        process.exitCode = 1;
        stop();
        return;
      }
      await sleep(restartMilliseconds);
    }
  };
  await Promise.all(Array.from({ length: count }, keep));
}
