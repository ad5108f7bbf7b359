/** Attempts counted in Redis or Valkey, with another store to fall back on while that is away. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Log } from '../core/log.ts';
import { type Bucket, type BudgetStore, optionsOf, toBucket } from './budget-store.ts';

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

export function createRedisStore(url: string, log: Log, fallback: BudgetStore): BudgetStore {
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
