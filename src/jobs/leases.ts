/**
 * Finds jobs that the database believes to be ours and nobody here does: the answer that gave them to
 * us was lost with its connection. graphile-worker (0.18) would hold such a job for four hours.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerEvents } from 'graphile-worker';
import type { Pool, PoolClient } from 'pg';
import type { Log } from '../observability/log.ts';

/** The end of a job is recorded a while after it, when the connection breaks in between. */
const recordingMilliseconds = 30_000;

const ownSql = 'select id::text from graphile_worker._private_jobs where locked_by = $1';
const giveBackSql = `
  update graphile_worker._private_jobs set locked_by = null, locked_at = null
  where locked_by = $1 and id = any($2::bigint[])`;

export interface WorkerLeases {
  /**
   * Gives back what was lost. To be called again and again, seconds apart: a job has to be found twice,
   * as the answer that gives it to us may be on its way.
   */
  releaseLostJobs(pool: Pool, poolId: string): Promise<void>;
}

/** Follows which jobs a pool of workers knows to be its own. */
export function followLeases(events: WorkerEvents): WorkerLeases {
  const known = new Map<string, NodeJS.Timeout | undefined>();
  let suspects: ReadonlySet<string> = new Set();
  events.on('job:start', ({ job }) => {
    clearTimeout(known.get(job.id));
    known.set(job.id, undefined);
  });
  events.on('job:complete', ({ job }) => {
    const forget = setTimeout(() => known.delete(job.id), recordingMilliseconds);
    known.set(job.id, forget.unref());
  });
  return {
    async releaseLostJobs(pool, poolId) {
      const { rows } = await pool.query<{ id: string }>(ownSql, [poolId]);
      const unknown = rows.map(({ id }) => id).filter((id) => !known.has(id));
      const lost = unknown.filter((id) => suspects.has(id));
      suspects = new Set(unknown);
      if (lost.length > 0) await pool.query(giveBackSql, [poolId, lost]);
    },
  };
}

const lockKey = "hashtextextended('gatehouse:jobs:' || $1, 0)";
const sweepMilliseconds = 3000;
const reconnectMilliseconds = 500;

/** Jobs taken a moment ago may belong to a pool whose lock is on its way. */
const sweepSql = `
  select graphile_worker.force_unlock_workers(array(
    select locked_by
    from (
      select distinct locked_by from graphile_worker._private_jobs
      where locked_by is not null and locked_at < now() - interval '1 second'
      offset 0
    ) held
    where pg_try_advisory_xact_lock(hashtextextended('gatehouse:jobs:' || locked_by, 0))
  ))`;

export interface LeaseHeartbeat {
  /**
   * Shows that this pool of workers is alive, until `released` or `stop`. A pool that has given up
   * while its process lives on must not keep the jobs that it could not finish.
   */
  announce(poolId: string, claims: WorkerLeases, released: AbortSignal): void;
  stop(): Promise<void>;
}

/** Begins to give back the jobs of the dead, now and every few seconds. */
export function startLeaseHeartbeat(pool: Pool, log: Log): LeaseHeartbeat {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running: Promise<void>[] = [
    repeat(() => pool.query(sweepSql), sweepMilliseconds, { signal, log }),
  ];
  return {
    announce(poolId, claims, released) {
      const until = { signal: AbortSignal.any([signal, released]), log };
      const hold = () => holdLock(pool, poolId, until.signal);
      const giveBack = () => claims.releaseLostJobs(pool, poolId);
      running.push(repeat(hold, reconnectMilliseconds, until));
      running.push(repeat(giveBack, sweepMilliseconds, until));
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** Holds the lock on a connection of its own for as long as that lasts. */
async function holdLock(pool: Pool, poolId: string, signal: AbortSignal): Promise<void> {
  const client: PoolClient = await pool.connect();
  const { promise: ended, resolve: end } = Promise.withResolvers<Error | undefined>();
  client.once('error', end);
  client.once('end', () => end(new Error('the connection ended')));
  // Who was told to stop while it was connecting hears no event any more.
  if (signal.aborted) end(undefined);
  signal.addEventListener('abort', () => end(undefined), { once: true });
  try {
    await client.query(`select pg_advisory_lock(${lockKey})`, [poolId]);
    await ended;
  } finally {
    client.release(true); // closed, and the lock with it
  }
}

async function repeat(
  work: () => Promise<unknown>,
  pauseMilliseconds: number,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  while (!signal.aborted) {
    await work().catch((error: unknown) =>
      log.warn({ err: error, component: 'jobs' }, 'job failed, retrying'),
    );
    await sleep(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
