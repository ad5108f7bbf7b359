/**
 * The rate limiter. An attempt is consumed before the limited work and refunded after success. An attempt
 * in flight counts as a failure, so that no burst exceeds a limit.
 */
import { LRUCache } from 'lru-cache';
import type { LimitName, Limits } from '../config/rate-limits.ts';
import { Problem } from '../core/errors.ts';
import { createPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
import type { RateLimitStore } from './store.ts';

/** One bucket of a limit. Its key is a digest, a network or both, without personal data. */
export interface Bucket {
  readonly limit: LimitName;
  readonly key: string;
}

export interface RateLimiter extends Pick<RateLimitStore, 'fullest' | 'clear' | 'prune' | 'close'> {
  /**
   * Consumes one attempt of every bucket, or of none.
   *
   * @returns a function that refunds the attempt; while the store is unavailable it stays consumed
   * @throws THROTTLED with the seconds until each bucket has an attempt again
   */
  consume(buckets: readonly Bucket[]): Promise<() => Promise<void>>;
  /** Throws if one of the buckets refused an attempt a moment ago. Does not read the store. @throws THROTTLED */
  assertNotRefused(buckets: readonly Bucket[]): void;
  /** Throws if `consume` would throw, without a change. Reads the store. @throws THROTTLED */
  assertAvailable(buckets: readonly Bucket[]): Promise<void>;
  /** Empties buckets. */
  reset(buckets: readonly Bucket[]): Promise<void>;
  /** The buckets of a limit that have consumed attempts, and keys with that beginning. Reads all buckets. */
  findBuckets(limit: LimitName, keyPrefix: string): Promise<readonly Bucket[]>;
  /** The states of those buckets that have consumed attempts, for commands. */
  inspect(buckets: readonly Bucket[]): ReturnType<RateLimitStore['inspect']>;
}

/** The largest number of remembered refusals. */
const maxRefusals = 10_000;
/** How long a refusal is remembered: another process may reset the bucket. */
const refusalMs = 250;

function createRateLimiter(
  store: RateLimitStore,
  limits: Limits,
  onRefused: (limit: LimitName) => void = () => undefined,
): RateLimiter {
  /** When a bucket that recently refused has an attempt again; `performance.now()`. */
  const refusals = new LRUCache<string, number>({ max: maxRefusals, ttl: refusalMs });

  const refuse = (buckets: readonly Bucket[], key: string, retryAfterMs: number): never => {
    const bucket = buckets.find((each) => idOf(each) === key);
    if (bucket) onRefused(bucket.limit);
    throw new Problem('THROTTLED', { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
  };

  const assertNotRefused = (buckets: readonly Bucket[]): void => {
    const now = performance.now();
    const [last] = buckets
      .map((bucket) => ({ key: idOf(bucket), leftMs: (refusals.get(idOf(bucket)) ?? 0) - now }))
      .filter(({ leftMs }) => leftMs > 0)
      .toSorted((one, other) => other.leftMs - one.leftMs);
    if (last) refuse(buckets, last.key, last.leftMs);
  };

  return {
    async consume(buckets) {
      if (buckets.length === 0) return async () => undefined;
      assertNotRefused(buckets);
      const consumption = await store.consume(
        buckets.map((bucket) => ({ key: idOf(bucket), ...limits[bucket.limit] })),
      );
      if (!consumption.refusal) return () => consumption.refund().catch(() => undefined);
      const { key, retryAfterMs } = consumption.refusal;
      refusals.set(key, performance.now() + retryAfterMs);
      return refuse(buckets, key, retryAfterMs);
    },
    assertNotRefused,
    async assertAvailable(buckets) {
      const points = new Map(buckets.map((bucket) => [idOf(bucket), limits[bucket.limit].points]));
      const states = buckets.length === 0 ? [] : await store.read([...points.keys()]);
      const full = states.find(({ key, used }) => used >= (points.get(key) ?? 0));
      if (full) refuse(buckets, full.key, Math.max(1, full.endsAt.getTime() - Date.now()));
    },
    async reset(buckets) {
      await store.reset(buckets.map(idOf));
      for (const bucket of buckets) refusals.delete(idOf(bucket));
    },
    async findBuckets(limit, keyPrefix) {
      const keys = await store.keysWithPrefix(idOf({ limit, key: keyPrefix }));
      return keys.map((id) => ({ limit, key: id.slice(limit.length + 1) }));
    },
    inspect: (buckets) => store.inspect(buckets.map(idOf)),
    fullest: store.fullest,
    async clear() {
      const cleared = await store.clear();
      refusals.clear();
      return cleared;
    },
    prune: store.prune,
    close: store.close,
  };
}

export function idOf({ limit, key }: Bucket): string {
  return `${limit}:${key}`;
}

export interface RateLimiterOptions extends PostgresStoreOptions {
  readonly limits: Limits;
  readonly redisUrl: string | undefined;
  readonly onRefused: (limit: LimitName) => void;
}

export async function openRateLimiter(options: RateLimiterOptions): Promise<RateLimiter> {
  const { redisUrl, log, limits, onRefused } = options;
  const postgres = createPostgresStore(options);
  if (redisUrl === undefined) return createRateLimiter(postgres, limits, onRefused);
  // Loaded only if needed: its client takes ten megabytes of memory.
  const { createRedisStore } = await import('./redis-store.ts');
  return createRateLimiter(createRedisStore(redisUrl, log, postgres), limits, onRefused);
}
