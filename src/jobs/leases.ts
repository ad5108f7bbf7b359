/**
 * Leases of workers. Each pool of workers holds an advisory lock, which PostgreSQL releases with its connection. Every
 * pool releases the jobs of pools without a lease. graphile-worker (0.18) would release them after four hours.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Log } from '../observability/log.ts';

const releaseIntervalMs = 3000;
const reconnectMs = 500;

const lockSql = `select pg_advisory_lock(hashtextextended('gatehouse:jobs:' || $1, 0))`;

/**
 * Excludes the own jobs, because a session can take its own lock again. Jobs that were locked within a second may
 * belong to a pool that is taking its lock.
 */
const releaseSql = `
  select graphile_worker.force_unlock_workers(array(
    select locked_by
    from (
      select distinct locked_by from graphile_worker.jobs
      where locked_by <> $1 and locked_at < now() - interval '1 second'
      offset 0
    ) held
    where pg_try_advisory_xact_lock(hashtextextended('gatehouse:jobs:' || locked_by, 0))
  ))`;

/** Holds the lease of a pool of workers until `signal`, and releases the jobs of dead pools now and regularly. */
export async function holdLease(
  { pool, log }: { readonly pool: Pool; readonly log: Log },
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const onError = (error: unknown) =>
    log.warn({ err: error, component: 'jobs' }, 'worker lease failed, retrying');
  const release = () => pool.query(releaseSql, [poolId]).catch(onError);
  while (!signal.aborted) {
    await holdLock(pool, poolId, { signal, release }).catch(onError);
    await pause(reconnectMs, signal);
  }
}

/** Holds the lock on a separate connection until the connection ends, and calls `release` regularly. */
async function holdLock(
  pool: Pool,
  poolId: string,
  { signal, release }: { readonly signal: AbortSignal; release(): Promise<unknown> },
): Promise<void> {
  const client = await pool.connect();
  const lost = new AbortController();
  client.once('end', () => lost.abort());
  const ended = AbortSignal.any([signal, lost.signal]);
  try {
    await client.query(lockSql, [poolId]);
    while (!ended.aborted) {
      await release(); // on another connection: its failure does not end the lease
      await pause(releaseIntervalMs, ended);
    }
  } finally {
    client.release(true); // closes the connection, which releases the lock
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}
