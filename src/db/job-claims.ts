/**
 * Finds jobs that the database believes to be ours and nobody here does: the answer that gave them to
 * us was lost with its connection. graphile-worker (0.18) would hold such a job for four hours.
 */
import type { WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';

/** The end of a job is recorded a while after it, when the connection breaks in between. */
const recordingMilliseconds = 30_000;

const ownSql = 'select id::text from graphile_worker._private_jobs where locked_by = $1';
const giveBackSql = `
  update graphile_worker._private_jobs set locked_by = null, locked_at = null
  where locked_by = $1 and id = any($2::bigint[])`;

export interface JobClaims {
  /**
   * Gives back what was lost. To be called again and again, seconds apart: a job has to be found twice,
   * as the answer that gives it to us may be on its way.
   */
  giveBackLost(pool: Pool, poolId: string): Promise<void>;
}

/** Follows which jobs a pool of workers knows to be its own. */
export function followClaims(events: WorkerEvents): JobClaims {
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
    async giveBackLost(pool, poolId) {
      const { rows } = await pool.query<{ id: string }>(ownSql, [poolId]);
      const unknown = rows.map(({ id }) => id).filter((id) => !known.has(id));
      const lost = unknown.filter((id) => suspects.has(id));
      suspects = new Set(unknown);
      if (lost.length > 0) await pool.query(giveBackSql, [poolId, lost]);
    },
  };
}
