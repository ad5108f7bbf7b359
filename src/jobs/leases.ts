/**
 * Leases of workers, and the release of lost jobs. Each pool of workers holds an advisory lock as its lease; jobs of a
 * pool without a lease are released. A job is also lost when the result of the query that locked it was lost with its
 * connection. graphile-worker (0.18) would release such jobs after four hours.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerEvents } from 'graphile-worker';
import type { Pool, PoolClient } from 'pg';
import type { Log } from '../observability/log.ts';

/** How long a finished job stays known: its row is written later when the connection breaks. */
const completionMilliseconds = 30_000;

const lockedJobsSql = 'select id::text from graphile_worker._private_jobs where locked_by = $1';
const releaseSql = `
  update graphile_worker._private_jobs set locked_by = null, locked_at = null
  where locked_by = $1 and id = any($2::bigint[])`;

export interface TrackedJobs {
  /**
   * Releases lost jobs. It is called every few seconds and releases a job when it finds it twice, because the result
   * of the query that locked it may still be on its way.
   */
  releaseLostJobs(pool: Pool, poolId: string): Promise<void>;
}

/** Tracks the jobs that a pool of workers executes. */
export function trackJobs(events: WorkerEvents): TrackedJobs {
  const known = new Map<string, NodeJS.Timeout | undefined>();
  let suspects: ReadonlySet<string> = new Set();
  events.on('job:start', ({ job }) => {
    clearTimeout(known.get(job.id));
    known.set(job.id, undefined);
  });
  events.on('job:complete', ({ job }) => {
    const forget = setTimeout(() => known.delete(job.id), completionMilliseconds);
    known.set(job.id, forget.unref());
  });
  return {
    async releaseLostJobs(pool, poolId) {
      const { rows } = await pool.query<{ id: string }>(lockedJobsSql, [poolId]);
      const unknown = rows.map(({ id }) => id).filter((id) => !known.has(id));
      const lost = unknown.filter((id) => suspects.has(id));
      suspects = new Set(unknown);
      if (lost.length > 0) await pool.query(releaseSql, [poolId, lost]);
    },
  };
}

const lockKey = "hashtextextended('gatehouse:jobs:' || $1, 0)";
const releaseIntervalMilliseconds = 3000;
const reconnectMilliseconds = 500;

/** Jobs that were locked within a second may belong to a pool that is taking its advisory lock. */
const releaseDeadSql = `
  select graphile_worker.force_unlock_workers(array(
    select locked_by
    from (
      select distinct locked_by from graphile_worker._private_jobs
      where locked_by is not null and locked_at < now() - interval '1 second'
      offset 0
    ) held
    where pg_try_advisory_xact_lock(hashtextextended('gatehouse:jobs:' || locked_by, 0))
  ))`;

export interface WorkerLeases {
  /**
   * Holds the lease of a pool of workers until `released` or `stop`. A pool may end while its process continues; then
   * its unfinished jobs must be released.
   */
  hold(poolId: string, jobs: TrackedJobs, released: AbortSignal): void;
  stop(): Promise<void>;
}

/** Releases the jobs of dead pools now and every few seconds. */
export function startWorkerLeases(pool: Pool, log: Log): WorkerLeases {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running: Promise<void>[] = [
    repeat(() => pool.query(releaseDeadSql), releaseIntervalMilliseconds, { signal, log }),
  ];
  return {
    hold(poolId, jobs, released) {
      const until = { signal: AbortSignal.any([signal, released]), log };
      const lock = () => holdLock(pool, poolId, until.signal);
      const releaseLost = () => jobs.releaseLostJobs(pool, poolId);
      running.push(repeat(lock, reconnectMilliseconds, until));
      running.push(repeat(releaseLost, releaseIntervalMilliseconds, until));
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** Holds the lock on a separate connection until the connection ends. */
async function holdLock(pool: Pool, poolId: string, signal: AbortSignal): Promise<void> {
  const client: PoolClient = await pool.connect();
  const { promise: ended, resolve: end } = Promise.withResolvers<Error | undefined>();
  client.once('error', end);
  client.once('end', () => end(new Error('the connection ended')));
  // An abort during `pool.connect` emits no further event.
  if (signal.aborted) end(undefined);
  signal.addEventListener('abort', () => end(undefined), { once: true });
  try {
    await client.query(`select pg_advisory_lock(${lockKey})`, [poolId]);
    await ended;
  } finally {
    client.release(true); // closes the connection, which releases the lock
  }
}

async function repeat(
  work: () => Promise<unknown>,
  pauseMilliseconds: number,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  while (!signal.aborted) {
    await work().catch((error: unknown) =>
      log.warn({ err: error, component: 'jobs' }, 'worker lease failed, retrying'),
    );
    await sleep(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
