/**
 * One run of graphile-worker's. It may end badly: when the end of a job cannot be recorded, its pool of
 * workers (0.18) begins to shut down and waits for ever for that very record. Such a run is left
 * behind, and what it held is given back.
 */
import { EventEmitter } from 'node:events';
import { Logger, type Runner, run, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { followClaims } from './job-claims.ts';
import type { JobLiveness } from './job-liveness.ts';
import { type Tasks, taskList } from './job-tasks.ts';

export interface JobParts {
  readonly pool: Pool;
  readonly tasks: Tasks;
  /** Tasks that are done again and again, in crontab's notation, a line each. */
  readonly schedule: string;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'observe'>;
}

export interface JobRun {
  /** Resolves when it does no more jobs, whatever the reason. */
  readonly over: Promise<unknown>;
  stop(): Promise<void>;
}

/** Milliseconds for jobs under way to finish, once the process wants to end. */
const drainMilliseconds = 3000;
/** What has not ended so long after it began to is left behind. */
const leaveMilliseconds = drainMilliseconds + 1500;

export async function startJobRun(parts: JobParts, liveness: JobLiveness): Promise<JobRun> {
  const events: WorkerEvents = new EventEmitter();
  const over = endOf(events);
  events.on('pool:create', ({ workerPool }) => {
    const released = new AbortController();
    void over.then(() => released.abort());
    liveness.announce(workerPool.id, followClaims(events), released.signal);
  });
  const runner = await startRunner(parts, events);
  return {
    over,
    async stop() {
      // It may have ended by itself.
      const stopped = runner.stop().catch(() => undefined);
      await Promise.race([stopped, over]);
    },
  };
}

/** When the pool of workers has ended, or should have. */
function endOf(events: WorkerEvents): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  events.once('pool:gracefulShutdown', () => {
    const patience = setTimeout(resolve, leaveMilliseconds);
    events.once('pool:release', () => clearTimeout(patience));
  });
  events.once('pool:release', () => resolve());
  return promise;
}

function startRunner(parts: JobParts, events: WorkerEvents): Promise<Runner> {
  return run({
    pgPool: parts.pool,
    noHandleSignals: true,
    gracefulShutdownAbortTimeout: drainMilliseconds,
    taskList: taskList(parts.tasks, parts.metrics),
    logger: workerLogger(parts.log),
    events,
    crontab: parts.schedule,
    concurrency: 4,
    pollInterval: 1000,
    // In batches, even of one, an end that cannot be recorded ends the pool; the plain way (0.18)
    // leaves a rejection that nobody handles, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
}

/** Of the worker's own talk only warnings and errors. */
function workerLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error({ part: 'jobs' }, message);
    if (level === 'warning') log.warn({ part: 'jobs' }, message);
  });
}
