/**
 * One run of graphile-worker's. It may end badly: when the end of a job cannot be recorded, its pool of
 * workers (0.18) begins to shut down and waits for ever for that very record. Such a run is left
 * behind, and what it held is given back.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Logger, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { followLeases, type LeaseHeartbeat, startLeaseHeartbeat } from './leases.ts';
import { type JobPayload, type Tasks, taskList } from './tasks.ts';

export interface JobDeps {
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

async function startJobRun(deps: JobDeps, liveness: LeaseHeartbeat): Promise<JobRun> {
  const events: WorkerEvents = new EventEmitter();
  const over = endOf(events);
  events.on('pool:create', ({ workerPool }) => {
    const released = new AbortController();
    void over.then(() => released.abort());
    liveness.announce(workerPool.id, followLeases(events), released.signal);
  });
  const tasks = taskList(deps.tasks, deps.metrics);
  const runner = await startRunner(deps, events, tasks);
  // graphile-worker (0.18) keeps the options of each run until the process ends. A run that is over
  // gives up its references to the rest of the service.
  void over.then(() => {
    events.removeAllListeners();
    for (const name of Object.keys(tasks)) delete tasks[name];
  });
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
    // In batches, even of one, an end that cannot be recorded ends the pool; the plain way (0.18)
    // leaves a rejection that nobody handles, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
}

/** Of the worker's own talk only warnings and errors. */
function workerLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error({ component: 'jobs' }, message);
    if (level === 'warning') log.warn({ component: 'jobs' }, message);
  });
}

/**
 * graphile-worker waits exp(min(10, attempt)) seconds between attempts: 25 of them reach over four
 * days. A job that failed so often is dead: it is kept, and done again when somebody asks for it.
 */
export const maxAttempts = 25;

const restartMilliseconds = 1000;

export interface JobTiming {
  /** A waiting job with the same key is replaced. */
  readonly key: string;
  readonly delaySeconds: number;
}

/** Records a job in the transaction at hand: it is done if and only if that commits. */
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

/** Does the jobs until it is stopped; those under way are finished first. */
export async function startJobs(deps: JobDeps): Promise<{ stop(): Promise<void> }> {
  const liveness = startLeaseHeartbeat(deps.pool, deps.log);
  const stopping = new AbortController();
  let jobRun = await startJobRun(deps, liveness);

  /** A run ends when the database goes away at a bad moment; another one takes its place. */
  const keepRunning = async (): Promise<void> => {
    await jobRun.over;
    while (!stopping.signal.aborted) {
      deps.log.warn({ component: 'jobs' }, 'job worker stopped, restarting');
      await sleep(restartMilliseconds);
      const next = await startJobRun(deps, liveness).catch(() => undefined);
      if (!next) continue;
      jobRun = next;
      if (stopping.signal.aborted) await next.stop();
      await next.over;
    }
  };
  const running = keepRunning();
  return {
    async stop() {
      stopping.abort();
      await jobRun.stop();
      await running;
      await liveness.stop();
    },
  };
}

/**
 * Does what is due now, for a command that ends right away, but not longer than `patience`
 * milliseconds; answers whether nothing is left that was tried and failed.
 */
export async function runDueJobs(deps: JobDeps, patience: number): Promise<boolean> {
  const start = new Date();
  const deadline = start.getTime() + patience;
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
