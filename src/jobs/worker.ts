/**
 * Enqueues and runs jobs with graphile-worker, and restarts it when it ends. When the end of a job cannot be written,
 * its pool of workers (0.18) shuts down and waits forever for that write. Such a run is abandoned after a while and
 * replaced, and its jobs are released.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Logger, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { startWorkerLeases, trackJobs, type WorkerLeases } from './leases.ts';
import { type JobPayload, type Tasks, taskList } from './tasks.ts';

export interface JobDeps {
  readonly pool: Pool;
  readonly tasks: Tasks;
  /** Lines of a crontab for periodic tasks. */
  readonly schedule: string;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'observe'>;
}

interface WorkerRun {
  /** Resolves when the run executes no more jobs, for any reason. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** Time for running jobs to finish after the shutdown began. */
const drainMilliseconds = 3000;
/** A run that has not ended this long after its shutdown began is abandoned. */
const abandonMilliseconds = drainMilliseconds + 1500;

async function startRun(deps: JobDeps, leases: WorkerLeases): Promise<WorkerRun> {
  const events: WorkerEvents = new EventEmitter();
  const ended = whenEnded(events);
  events.on('pool:create', ({ workerPool }) => {
    const released = new AbortController();
    void ended.then(() => released.abort());
    leases.hold(workerPool.id, trackJobs(events), released.signal);
  });
  const tasks = taskList(deps.tasks, deps.metrics);
  const runner = await startRunner(deps, events, tasks);
  // graphile-worker (0.18) keeps the options of each run until the process ends. A run that has ended
  // drops its references, so that the service can be garbage-collected.
  void ended.then(() => {
    events.removeAllListeners();
    for (const name of Object.keys(tasks)) delete tasks[name];
  });
  return {
    ended,
    async stop() {
      const stopped = runner.stop().catch(() => undefined); // throws when the run has ended already
      await Promise.race([stopped, ended]);
    },
  };
}

/** Resolves when the pool of workers has ended, or should have ended. */
function whenEnded(events: WorkerEvents): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  events.once('pool:gracefulShutdown', () => {
    const timer = setTimeout(resolve, abandonMilliseconds);
    events.once('pool:release', () => clearTimeout(timer));
  });
  events.once('pool:release', () => resolve());
  return promise;
}

function startRunner(deps: JobDeps, events: WorkerEvents, tasks: TaskList): Promise<Runner> {
  return run({
    pgPool: deps.pool,
    noHandleSignals: true,
    gracefulShutdownAbortTimeout: drainMilliseconds,
    taskList: tasks,
    logger: workerLogger(deps.log),
    events,
    crontab: deps.schedule,
    concurrency: 4,
    pollInterval: 1000,
    // With batches, even of one job, a failed write ends the pool. Without them (0.18) it is an unhandled
    // rejection, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
}

/** Logs only warnings and errors of graphile-worker. */
function workerLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error({ component: 'jobs' }, message);
    if (level === 'warning') log.warn({ component: 'jobs' }, message);
  });
}

/**
 * graphile-worker waits exp(min(10, attempt)) seconds between attempts, so 25 attempts take about four days. After
 * that a job is dead: it is stored, and an operator can retry it.
 */
export const maxAttempts = 25;

const restartMilliseconds = 1000;

export interface JobTiming {
  /** Replaces a waiting job with the same key. */
  readonly key: string;
  readonly delaySeconds: number;
}

/** Adds a job in the current transaction; the job runs only if the transaction commits. */
export async function enqueueJob(
  em: EntityManager,
  task: string,
  payload: JobPayload,
  { key, delaySeconds }: Partial<JobTiming> = {},
): Promise<void> {
  await em.getConnection().execute(
    `select graphile_worker.add_job(?, payload => ?::json, max_attempts => ?, job_key => ?,
         run_at => now() + ? * interval '1 second')`,
    [task, JSON.stringify(payload), maxAttempts, key ?? null, delaySeconds ?? 0],
    'all',
    em.getTransactionContext(),
  );
}

/** Runs jobs until `stop`, which waits for running jobs. */
export async function startJobs(deps: JobDeps): Promise<{ stop(): Promise<void> }> {
  const leases = startWorkerLeases(deps.pool, deps.log);
  const stopping = new AbortController();
  let current = await startRun(deps, leases);

  /** A loss of the database can end a run. */
  const keepRunning = async (): Promise<void> => {
    await current.ended;
    while (!stopping.signal.aborted) {
      deps.log.warn({ component: 'jobs' }, 'job worker stopped, restarting');
      await sleep(restartMilliseconds);
      const next = await startRun(deps, leases).catch(() => undefined);
      if (!next) continue;
      current = next;
      if (stopping.signal.aborted) await next.stop();
      await next.ended;
    }
  };
  const running = keepRunning();
  return {
    async stop() {
      stopping.abort();
      await current.stop();
      await running;
      await leases.stop();
    },
  };
}

/**
 * Runs the due jobs for a command, at most for `timeoutMs`. Returns whether none of them failed.
 */
export async function runDueJobs(deps: JobDeps, timeoutMs: number): Promise<boolean> {
  const start = new Date();
  const deadline = start.getTime() + timeoutMs;
  const jobs = await startJobs(deps);
  while (Date.now() < deadline && (await countJobs(deps, dueSql)) > 0) {
    await sleep(25);
  }
  await jobs.stop();
  return (await countJobs(deps, failedSql, [start])) === 0;
}

const countSql = 'select count(*)::int as number from graphile_worker._private_jobs';
const dueSql = `${countSql} where run_at <= now() and attempts < max_attempts`;
const failedSql = `${countSql} where last_error is not null and updated_at >= $1`;

async function countJobs(
  { pool }: JobDeps,
  sql: string,
  parameters: unknown[] = [],
): Promise<number> {
  const { rows } = await pool.query<{ number: number }>(sql, parameters);
  return rows[0]?.number ?? 0;
}
