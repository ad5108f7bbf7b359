/**
 * Enqueues and runs jobs with graphile-worker (0.18). A run of it is replaced by a new one, and its locked jobs are
 * released, when a statement on the queue has failed. The failed statement may have locked a job all the same. After
 * a failed write of the end of a job, the run waits forever for that write; such a run is abandoned.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Logger, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { holdLease } from './leases.ts';
import { type JobPayload, type Tasks, taskList } from './tasks.ts';

export interface JobDeps {
  readonly pool: Pool;
  readonly tasks: Tasks;
  /** Lines of a crontab for periodic tasks. */
  readonly schedule: string;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'jobSeconds'>;
}

interface WorkerRun {
  /** Resolves when the run executes no more jobs, for any reason. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** Time for running jobs to finish after the shutdown began. */
const drainMilliseconds = 3000;
/** A lost connection fails the statements of all workers; graphile-worker prints those that fail after the stop. */
const failureMilliseconds = 100;
/** A run that has not ended this long after its shutdown began is abandoned. */
const abandonMilliseconds = drainMilliseconds + 1500;

async function startRun(deps: JobDeps): Promise<WorkerRun> {
  const events: WorkerEvents = new EventEmitter();
  const leaseEnd = new AbortController();
  let lease: Promise<void> | undefined;
  events.once('pool:create', ({ workerPool }) => {
    lease = holdLease(deps, workerPool.id, leaseEnd.signal);
  });
  const poolEnded = whenEnded(events);
  const tasks = taskList(deps.tasks, deps.metrics);
  const runner = await startRunner(deps, events, tasks);
  const stopRunner = () => runner.stop().catch(() => undefined); // throws when the run has ended already
  events.once('worker:getJob:error', () => setTimeout(stopRunner, failureMilliseconds));
  const ended = poolEnded.then(() => {
    // graphile-worker keeps the options of each run until the process ends. A run that has ended
    // drops its references, so that the service can be garbage-collected.
    events.removeAllListeners();
    for (const name of Object.keys(tasks)) delete tasks[name];
    leaseEnd.abort();
    return lease;
  });
  return {
    ended,
    async stop() {
      void stopRunner();
      await ended;
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

export interface NewJob {
  readonly task: string;
  readonly payload: JobPayload;
}

/** SQL that adds a job, for a statement with other changes. The parameters are SQL; the payload is JSON. */
export function addJobSql(task: string, payload: string): string {
  return `graphile_worker.add_job(${task}, payload => ${payload}::json, max_attempts => ${maxAttempts})`;
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
  const stopping = new AbortController();
  let current = await startRun(deps);
  const keepRunning = async (): Promise<void> => {
    for (;;) {
      await current.ended;
      if (stopping.signal.aborted) return;
      deps.log.warn({ component: 'jobs' }, 'job worker stopped, restarting');
      const next = await restart(deps, stopping.signal);
      if (!next) return;
      current = next;
      if (stopping.signal.aborted) await next.stop();
    }
  };
  const running = keepRunning();
  return {
    async stop() {
      stopping.abort();
      await current.stop();
      await running;
    },
  };
}

/** Starts a run as soon as the database is available; undefined if `signal` came first. */
async function restart(deps: JobDeps, signal: AbortSignal): Promise<WorkerRun | undefined> {
  while (!signal.aborted) {
    await sleep(restartMilliseconds);
    const run = await startRun(deps).catch(() => undefined);
    if (run) return run;
  }
  return undefined;
}

/**
 * Runs the due jobs for a command, at most for `timeoutMs`. Returns whether none of them failed.
 */
export async function runDueJobs(deps: JobDeps, timeoutMs: number): Promise<boolean> {
  const { rows } = await deps.pool.query<{ start: Date }>('select now() as start');
  const deadline = performance.now() + timeoutMs;
  const jobs = await startJobs(deps);
  while (performance.now() < deadline && (await countJobs(deps, dueSql)) > 0) {
    await sleep(25);
  }
  await jobs.stop();
  return (await countJobs(deps, failedSql, [rows[0]?.start])) === 0;
}

const countSql = 'select count(*)::int as number from graphile_worker.jobs';
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
