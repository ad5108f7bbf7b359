/** Opens the rate limiter on its store: PostgreSQL, or Redis with PostgreSQL to fall back on. */
import { createRateLimiter, type RateLimiter } from './limiter.ts';
import type { LimitName, Limits } from './limits.ts';
import { createPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';

export interface RateLimiterOptions extends PostgresStoreOptions {
  readonly limits: Limits;
  readonly redisUrl: string | undefined;
  readonly onRefused: (limit: LimitName) => void;
}

export async function openRateLimiter(options: RateLimiterOptions): Promise<RateLimiter> {
  const { redisUrl, log, limits, onRefused } = options;
  const postgres = createPostgresStore(options);
  if (redisUrl === undefined) return createRateLimiter(postgres, limits, onRefused);
  // Loaded here, as its client takes ten megabytes of memory.
  const { createRedisStore } = await import('./redis-store.ts');
  return createRateLimiter(createRedisStore(redisUrl, log, postgres), limits, onRefused);
}
