/**
 * Where attempts are counted, by rate-limiter-flexible: a table of PostgreSQL or, where one is named,
 * Redis or Valkey, with the table to fall back on while that is away.
 */
import {
  type IRateLimiterStoreOptions,
  type RateLimiterAbstract,
  RateLimiterPostgres,
} from 'rate-limiter-flexible';
import type { Budget, BudgetName } from '../core/attempt-budgets.ts';
import type { DatabaseConnection } from '../core/database-url.ts';
import type { Log } from '../core/log.ts';
import { budgetTable, budgetTime, createBatchingClient } from './budget-batches.ts';
import { openPool } from './connections.ts';
import type { Patience } from './patience.ts';

/** One bucket that holds something. */
export interface Bucket {
  readonly key: string;
  readonly points: number;
  readonly expiresAt: Date;
}

export interface BudgetStore {
  /** The limiter of a budget. It counts refused attempts too; who asks gives those back. */
  limiterOf(name: BudgetName, budget: Budget): RateLimiterAbstract;
  /** The fullest buckets whose time is not over, `limit` of them at most. */
  fullest(limit: number): Promise<Bucket[]>;
  /** Empties every bucket, and answers how many there were. */
  clear(): Promise<number>;
  /** Removes buckets whose time is over. */
  prune(): Promise<void>;
  close(): Promise<void>;
}

export interface BudgetStoreParts {
  readonly database: DatabaseConnection;
  /** Whether a pooler stands before the database, which may not know our prepared statements. */
  readonly isPooled: boolean;
  readonly patience: Patience;
  readonly redisUrl: string | undefined;
  readonly log: Log;
}

const maxConnections = 4;

export async function createBudgetStore(parts: BudgetStoreParts): Promise<BudgetStore> {
  const postgres = createPostgresStore(parts);
  const { redisUrl, log } = parts;
  if (redisUrl === undefined) return postgres;
  // Loaded here, as its client takes ten megabytes of memory.
  const { createRedisStore } = await import('./redis-budget-store.ts');
  return createRedisStore(redisUrl, log, postgres);
}

function createPostgresStore(parts: BudgetStoreParts): BudgetStore {
  const pool = openPool({ ...parts, name: 'budgets', max: maxConnections });
  const client = createBatchingClient(pool, parts.isPooled);
  return {
    limiterOf: (name, budget) =>
      new RateLimiterPostgres({
        ...optionsOf(name, budget),
        storeClient: client,
        storeType: 'pool',
        tableName: budgetTable,
        tableCreated: true,
        clearExpiredByTimeout: false,
      }),
    async fullest(limit) {
      const { rows } = await pool.query<{ key: string; points: number; expire: string }>(
        `select key, points, expire from ${budgetTable}
         where expire > ${budgetTime} and points > 0
         order by points desc limit $1`,
        [limit],
      );
      return rows.map(({ key, points, expire }) => toBucket(key, points, Number(expire)));
    },
    clear: async () => (await pool.query(`delete from ${budgetTable}`)).rowCount ?? 0,
    async prune() {
      // By the database's time: a process whose clock is ahead would empty everybody's.
      await pool.query(`delete from ${budgetTable} where expire <= ${budgetTime}`);
    },
    close: () => pool.end(),
  };
}

export function optionsOf(name: BudgetName, { points, seconds }: Budget) {
  return { keyPrefix: name, points, duration: seconds } satisfies Partial<IRateLimiterStoreOptions>;
}

export function toBucket(key: string, points: number, expire: number): Bucket {
  return { key, points, expiresAt: new Date(expire) };
}
