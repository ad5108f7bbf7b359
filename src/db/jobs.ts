/**
 * Work that happens after a transaction, by graphile-worker: recorded in the transaction, begun
 * milliseconds after it commits, repeated until it succeeds. A payload never holds a secret.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { startJobLiveness } from './job-liveness.ts';
import { type JobParts, startJobRun } from './job-runner.ts';
import type { JobPayload } from './job-tasks.ts';

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
export async function startJobs(parts: JobParts): Promise<{ stop(): Promise<void> }> {
  const liveness = startJobLiveness(parts.pool, parts.log);
  const stopping = new AbortController();
  let jobRun = await startJobRun(parts, liveness);

  /** A run ends when the database goes away at a bad moment; another one takes its place. */
  const keepRunning = async (): Promise<void> => {
    await jobRun.over;
    while (!stopping.signal.aborted) {
      parts.log.warn({ part: 'jobs' }, 'the jobs stopped; starting again');
      await sleep(restartMilliseconds);
      const next = await startJobRun(parts, liveness).catch(() => undefined);
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
