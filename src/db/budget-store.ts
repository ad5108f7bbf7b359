/**
 * Where attempts are counted, by rate-limiter-flexible: a table of PostgreSQL or, where one is named,
 * Redis or Valkey, with the table to fall back on while that is away.
 */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import {
  type IRateLimiterStoreOptions,
  type RateLimiterAbstract,
  RateLimiterPostgres,
  RateLimiterRedis,
} from 'rate-limiter-flexible';
import type { Budget, BudgetName } from '../core/attempt-budgets.ts';
import type { Log } from '../core/log.ts';
import { connectionOptions } from './connections.ts';
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
  readonly databaseUrl: string;
  /** Whether a pooler stands before the database, which may not know our prepared statements. */
  readonly isPooled: boolean;
  readonly patience: Patience;
  readonly redisUrl: string | undefined;
  readonly log: Log;
}

const table = 'attempt_budgets';
const maxConnections = 4;

export function createBudgetStore(parts: BudgetStoreParts): BudgetStore {
  const postgres = createPostgresStore(parts);
  return parts.redisUrl === undefined
    ? postgres
    : createRedisStore(parts.redisUrl, parts, postgres);
}

function createPostgresStore({
  databaseUrl,
  isPooled,
  patience,
  log,
}: BudgetStoreParts): BudgetStore {
  const pool = new Pool({
    connectionString: databaseUrl,
    application_name: 'gatehouse-budgets',
    max: maxConnections,
    ...connectionOptions(patience, isPooled),
  });
  pool.on('error', (error) => log.warn({ err: error, part: 'budgets' }, 'a connection broke'));
  return {
    limiterOf: (name, budget) =>
      new RateLimiterPostgres({
        ...optionsOf(name, budget),
        storeClient: isPooled ? { query: withoutName(pool) } : pool,
        storeType: 'pool',
        tableName: table,
        tableCreated: true,
        clearExpiredByTimeout: false,
      }),
    async fullest(limit) {
      const { rows } = await pool.query<{ key: string; points: number; expire: string }>(
        `select key, points, expire from ${table} where expire > $1 and points > 0
         order by points desc limit $2`,
        [Date.now(), limit],
      );
      return rows.map(({ key, points, expire }) => toBucket(key, points, Number(expire)));
    },
    clear: async () => (await pool.query(`delete from ${table}`)).rowCount ?? 0,
    async prune() {
      // By the database's time: a process whose clock is ahead would empty everybody's.
      await pool.query(`delete from ${table} where expire <= extract(epoch from now()) * 1000`);
    },
    close: () => pool.end(),
  };
}

/** Statements under a name stay prepared in one connection of the database. */
function withoutName(pool: Pool) {
  return ({ text, values }: { readonly text: string; readonly values: unknown[] }) =>
    pool.query({ text, values });
}

/** A server that is away fails at once instead of queueing, and PostgreSQL counts meanwhile. */
const redisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 1000,
  commandTimeout: 500,
} as const;

/** Milliseconds that an operator's question waits for the connection. */
const readyMilliseconds = 1500;

const redisPrefix = 'gatehouse:budget:';

function createRedisStore(
  url: string,
  { log }: BudgetStoreParts,
  fallback: BudgetStore,
): BudgetStore {
  const redis = new Redis(url, redisOptions);
  redis.on('error', (error) => log.warn({ err: error, part: 'budgets' }, 'Redis is not there'));
  redis.connect().catch(() => undefined); // reported above, and tried again by itself

  const isReady = async (): Promise<boolean> => {
    if (redis.status === 'ready') return true;
    const signal = AbortSignal.timeout(readyMilliseconds);
    return once(redis, 'ready', { signal }).then(
      () => true,
      () => false,
    );
  };
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const batch of redis.scanStream({ match: `${redisPrefix}*`, count: 1000 })) {
      found.push(...(batch as string[])); // keys are texts
    }
    return found;
  };
  const read = async (key: string): Promise<Bucket> => {
    const [points, milliseconds] = await Promise.all([redis.get(key), redis.pttl(key)]);
    return toBucket(key.slice(redisPrefix.length), Number(points), Date.now() + milliseconds);
  };
  return {
    limiterOf: (name, budget) =>
      new RateLimiterRedis({
        ...optionsOf(name, budget),
        keyPrefix: `${redisPrefix}${name}`,
        storeClient: redis,
        rejectIfRedisNotReady: true,
        insuranceLimiter: fallback.limiterOf(name, budget),
      }),
    async fullest(limit) {
      if (!(await isReady())) return fallback.fullest(limit);
      const buckets = await Promise.all((await keys()).map(read));
      return buckets
        .filter(({ points }) => points > 0)
        .sort((one, other) => other.points - one.points)
        .slice(0, limit);
    },
    async clear() {
      const found = (await isReady()) ? await keys() : [];
      if (found.length > 0) await redis.del(...found);
      return found.length + (await fallback.clear());
    },
    prune: () => fallback.prune(),
    async close() {
      redis.disconnect();
      await fallback.close();
    },
  };
}

function optionsOf(name: BudgetName, { points, seconds }: Budget) {
  return { keyPrefix: name, points, duration: seconds } satisfies Partial<IRateLimiterStoreOptions>;
}

function toBucket(key: string, points: number, expire: number): Bucket {
  return { key, points, expiresAt: new Date(expire) };
}
