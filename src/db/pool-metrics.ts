/** How many connections of the pools work, idle or are waited for. */
import type { Pool } from 'pg';
import type { Metrics } from '../core/metrics.ts';

type PoolName = 'main' | 'jobs';

/** Shows these pools; one that is not there yet has no figures. */
export function watchPools(
  metrics: Metrics,
  pools: ReadonlyMap<PoolName, Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>>,
): void {
  metrics.read('databaseConnections', () =>
    [...pools].flatMap(([name, { totalCount, idleCount, waitingCount }]) => [
      [[name, 'busy'], totalCount - idleCount] as const,
      [[name, 'idle'], idleCount] as const,
      [[name, 'waiting'], waitingCount] as const,
    ]),
  );
}
