/**
 * Work that happens after a transaction, by graphile-worker: recorded in the transaction, begun
 * milliseconds after it commits, repeated until it succeeds. A payload never holds a secret.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Logger, type Runner, run, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { followClaims } from './job-claims.ts';
import { type JobLiveness, startJobLiveness } from './job-liveness.ts';
import { type JobPayload, type Tasks, taskList } from './job-tasks.ts';

/**
 * graphile-worker waits exp(min(10, attempt)) seconds between attempts: 25 of them reach over four
 * days. A job that failed so often is dead: it is kept, and done again when somebody asks for it.
 */
export const maxAttempts = 25;

/** Milliseconds for jobs under way to finish, once the process wants to end. */
const drainMilliseconds = 3000;
const restartMilliseconds = 1000;

/** Records a job in the transaction at hand: it is done if and only if that commits. */
export async function enqueueJob(
  em: EntityManager,
  task: string,
  payload: JobPayload,
): Promise<void> {
  await em
    .getConnection()
    .execute(
      'select graphile_worker.add_job(?, payload => ?::json, max_attempts => ?)',
      [task, JSON.stringify(payload), maxAttempts],
      'all',
      em.getTransactionContext(),
    );
}

export interface JobParts {
  readonly pool: Pool;
  readonly tasks: Tasks;
  /** Tasks that are done again and again, in crontab's notation, a line each. */
  readonly schedule: string;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'observe'>;
}

/** Does the jobs until it is stopped; those under way are finished first. */
export async function startJobs(parts: JobParts): Promise<{ stop(): Promise<void> }> {
  const liveness = startJobLiveness(parts.pool, parts.log);
  let isStopping = false;
  let runner = await startRunner(parts, liveness);

  /** A runner ends when the database stays away for long; another one takes its place. */
  const keepRunning = async (): Promise<void> => {
    while (!isStopping) {
      await runner.promise.catch((error: unknown) =>
        parts.log.error({ err: error, part: 'jobs' }, 'the jobs stopped; starting again'),
      );
      if (isStopping) return;
      await sleep(restartMilliseconds);
      runner = await startRunner(parts, liveness).catch(() => runner);
    }
  };
  const running = keepRunning();
  return {
    async stop() {
      isStopping = true;
      await runner.stop().catch(() => undefined); // it may have ended by itself
      await running;
      await liveness.stop();
    },
  };
}

function startRunner(parts: JobParts, liveness: JobLiveness): Promise<Runner> {
  return run({
    ...workerOptions(parts, liveness),
    crontab: parts.schedule,
    concurrency: 4,
    pollInterval: 1000,
    // In batches, even of one, the end of a job is tried again when the connection breaks; the plain
    // way (0.18) leaves a rejection that nobody handles, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
}

/**
 * Does what is due now, for a command that ends right away, but not longer than `patience`
 * milliseconds; answers whether nothing is left that was tried and failed.
 */
export async function drainJobs(parts: JobParts, patience: number): Promise<boolean> {
  const start = new Date();
  const deadline = start.getTime() + patience;
  const jobs = await startJobs(parts);
  while (Date.now() < deadline && (await countJobs(parts, dueSql)) > 0) {
    await sleep(25);
  }
  await jobs.stop();
  return (await countJobs(parts, failedSql, [start])) === 0;
}

const countSql = 'select count(*)::int as number from graphile_worker._private_jobs';
const dueSql = `${countSql} where run_at <= now() and attempts < max_attempts`;
const failedSql = `${countSql} where last_error is not null and updated_at >= $1`;

async function countJobs(
  { pool }: JobParts,
  sql: string,
  parameters: unknown[] = [],
): Promise<number> {
  const { rows } = await pool.query<{ number: number }>(sql, parameters);
  return rows[0]?.number ?? 0;
}

function workerOptions({ pool, tasks, log, metrics }: JobParts, liveness: JobLiveness) {
  const events: WorkerEvents = new EventEmitter();
  events.on('pool:create', ({ workerPool }) => {
    const released = new AbortController();
    events.once('pool:release', () => released.abort());
    liveness.announce(workerPool.id, followClaims(events), released.signal);
  });
  return {
    pgPool: pool,
    noHandleSignals: true,
    gracefulShutdownAbortTimeout: drainMilliseconds,
    taskList: taskList(tasks, metrics),
    logger: workerLogger(log),
    events,
  };
}

/** Of the worker's own talk only warnings and errors. */
function workerLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error({ part: 'jobs' }, message);
    if (level === 'warning') log.warn({ part: 'jobs' }, message);
  });
}
