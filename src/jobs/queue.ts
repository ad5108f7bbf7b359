/** Lists, counts, retries and removes jobs of the queue. */

import type { UnitOfWork } from '../database/transaction.ts';
import { jobsWithPayload } from './private-tables.ts';
import type { JobPayload } from './tasks.ts';
import { maxAttempts } from './worker.ts';

/** A `dead` job is not retried automatically. */
export type JobState = 'waiting' | 'retrying' | 'dead';

export interface QueuedJob {
  readonly id: string;
  readonly payload: JobPayload;
  readonly state: JobState;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  /** Time of the next attempt; in the past for a dead job. */
  readonly runAt: Date;
}

/** Number of jobs in each state. */
export type QueueStats = Readonly<Record<JobState, number>> & {
  /** Age of the oldest job that is not dead; 0 without jobs. */
  readonly oldestSeconds: number;
};

export interface JobQueue {
  /** Jobs of a task, oldest first. */
  list(
    task: string,
    options: { readonly isDeadOnly: boolean; limit: number },
  ): Promise<QueuedJob[]>;
  stats(task: string): Promise<QueueStats>;
  /**
   * Makes jobs of a task due now, with as many attempts as new ones; all dead ones without `ids`. Skips jobs that are
   * executing. Returns the ids of the changed jobs.
   */
  retry(task: string, ids?: readonly string[]): Promise<string[]>;
  /** Whether jobs of one kind wait for their next attempt after a temporary failure with this code. */
  hasFailed(task: string, code: string): Promise<boolean>;
  /** Makes these jobs due now and keeps their attempts. */
  runNow(task: string, code: string): Promise<void>;
  /** Removes jobs that have been dead for `days`. */
  purgeDead(task: string, days: number): Promise<void>;
  /** Removes jobs whose payload has one of the values in this field. */
  remove(task: string, field: string, values: readonly string[]): Promise<void>;
}

/** The result of an attempt is unknown while a worker holds the job. */
const stateSql = `
  case
    when attempts >= max_attempts and locked_at is null then 'dead'
    when attempts > 0 and last_error is not null then 'retrying'
    else 'waiting'
  end`;

const isDead = 'attempts >= max_attempts and locked_at is null';

const failedJobsSql = `
  select id from graphile_worker.jobs
  where task_identifier = ? and locked_at is null and attempts < max_attempts and run_at > now()
    and flags -> ?::text is not null`;

interface JobRow {
  readonly id: string;
  readonly payload: JobPayload;
  readonly state: JobState;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly created_at: Date;
  readonly run_at: Date;
}

export function createJobQueue({ query }: Pick<UnitOfWork, 'query'>): JobQueue {
  return {
    async list(task, { isDeadOnly, limit }) {
      const rows = await query<JobRow>(
        `select id::text, payload, ${stateSql} as state, attempts, last_error, created_at, run_at
         from (${jobsWithPayload}) jobs
         where task_identifier = ? and (${isDead} or not ?::boolean)
         order by jobs.id limit ?`,
        [task, isDeadOnly, limit],
      );
      return rows.map(toJob);
    },

    async stats(task) {
      const [row] = await query<QueueStats>(
        `select count(*) filter (where state = 'waiting')::int as waiting,
           count(*) filter (where state = 'retrying')::int as retrying,
           count(*) filter (where state = 'dead')::int as dead,
           coalesce(extract(epoch from now() - min(created_at) filter (where state <> 'dead')), 0)
             ::float as "oldestSeconds"
         from (
           select created_at, ${stateSql} as state
           from graphile_worker.jobs where task_identifier = ?
         ) jobs`,
        [task],
      );
      if (!row) throw new Error('the statement returned no row');
      return row;
    },

    async retry(task, ids) {
      const rows = await query<{ id: string }>(
        `select id::text from graphile_worker.reschedule_jobs(
           array(
             select id from graphile_worker.jobs
             where task_identifier = ? and locked_at is null and
               case when ?::bigint[] is null then ${isDead} else id = any(?::bigint[]) end
           ),
           run_at => now(), priority => 0, attempts => 0, max_attempts => ${maxAttempts})`,
        [task, ids ?? null, ids ?? null],
      );
      return rows.map(({ id }) => id);
    },

    async hasFailed(task, code) {
      return (await query(`${failedJobsSql} limit 1`, [task, code])).length > 0;
    },

    async runNow(task, code) {
      await query(
        `select id from graphile_worker.reschedule_jobs(array(${failedJobsSql}), run_at => now())`,
        [task, code],
      );
    },

    async purgeDead(task, days) {
      await query(
        `select id from graphile_worker.complete_jobs(array(
           select id from graphile_worker.jobs
           where task_identifier = ? and ${isDead} and updated_at < now() - ? * interval '1 day'
         ))`,
        [task, days],
      );
    },

    async remove(task, field, values) {
      await query(
        `select id from graphile_worker.complete_jobs(array(
           select id from (${jobsWithPayload}) jobs
           where task_identifier = ? and payload ->> ? = any(?::text[])
         ))`,
        [task, field, values],
      );
    },
  };
}

function toJob({ last_error, created_at, run_at, ...row }: JobRow): QueuedJob {
  return {
    ...row,
    lastError: last_error,
    createdAt: created_at,
    runAt: run_at,
  };
}
