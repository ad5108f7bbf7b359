/**
 * The rate limiter. An attempt is consumed before the limited work and refunded after success. An attempt
 * in flight counts as a failure, so that no burst exceeds a limit.
 */
import { LRUCache } from 'lru-cache';
import type { LimitName, Limits } from '../config/rate-limits.ts';
import { Problem } from '../core/errors.ts';
import { createInFlight } from './in-flight.ts';
import { createPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
import type { BucketRequest, BucketState, RateLimitStore, Refusal } from './store.ts';

/** One bucket of a limit. Its key is a digest, a network or both, without personal data. */
export interface Bucket {
  readonly limit: LimitName;
  readonly key: string;
}

/** An attempt in flight. Exactly one of the two functions ends it. */
export interface Attempt {
  /** Refunds the attempt. While the store is unavailable, it stays consumed. */
  refund(): Promise<void>;
  /** Leaves the attempt consumed. */
  keep(): void;
}

export interface RateLimiter {
  /**
   * Consumes one attempt of every bucket, or of none.
   *
   * @throws THROTTLED with the seconds until each bucket has an attempt again
   */
  consume(buckets: readonly Bucket[]): Promise<Attempt>;
  /**
   * Throws if `consume` would throw, as far as known without a change, for callers with other work before
   * they consume. It reads the store only for buckets that were exhausted before.
   *
   * @throws THROTTLED
   */
  assertNotExhausted(buckets: readonly Bucket[]): Promise<void>;
  /** The same, but always reads the store. @throws THROTTLED */
  assertAvailable(buckets: readonly Bucket[]): Promise<void>;
  /** Empties buckets. */
  reset(buckets: readonly Bucket[]): Promise<void>;
  /** The states of those buckets that have consumed attempts. */
  read(buckets: readonly Bucket[]): Promise<readonly BucketState[]>;
  fullest(limit: number): Promise<readonly BucketState[]>;
  clear(): Promise<number>;
  prune(): Promise<void>;
  close(): Promise<void>;
}

/** The largest number of remembered exhausted buckets. */
const maxExhausted = 10_000;
/** How long a bucket counts as exhausted without a read of the store: another process may reset it. */
const trustMs = 250;
/** Half of a limit, but at least this number, may wait for attempts in flight. */
const minWaiting = 20;

function createRateLimiter(
  store: RateLimitStore,
  limits: Limits,
  onRefused: (limit: LimitName) => void = () => undefined,
): RateLimiter {
  const inFlight = createInFlight();
  /** When the bucket was last read as exhausted, and until when it is; `performance.now()`. */
  const exhausted = new LRUCache<string, { readonly seenAt: number; readonly endsAt: number }>({
    max: maxExhausted,
  });

  const remember = ({ key, retryAfterMs }: Refusal): void => {
    const seenAt = performance.now();
    exhausted.set(key, { seenAt, endsAt: seenAt + retryAfterMs }, { ttl: retryAfterMs });
  };

  const refuse = (buckets: readonly Bucket[], { key, retryAfterMs }: Refusal): never => {
    const bucket = buckets.find((each) => idOf(each) === key);
    if (bucket) onRefused(bucket.limit);
    throw new Problem('THROTTLED', { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) });
  };

  /** A refusal that was read recently, without a read of the store. */
  const rememberedRefusal = (ids: readonly string[]): Refusal | undefined => {
    const now = performance.now();
    const refusals = ids.flatMap((key) => {
      const { seenAt = 0, endsAt = 0 } = exhausted.get(key) ?? {};
      const isCertain = seenAt > now - trustMs && endsAt > now;
      return isCertain ? [{ key, retryAfterMs: endsAt - now }] : [];
    });
    return refusals.toSorted((one, other) => other.retryAfterMs - one.retryAfterMs)[0];
  };

  /** The refusal of the bucket that is exhausted for the longest time. */
  const readRefusal = async (buckets: readonly Bucket[]): Promise<Refusal | undefined> => {
    const points = new Map(buckets.map((bucket) => [idOf(bucket), limits[bucket.limit].points]));
    const states = await store.read([...points.keys()]);
    const [last] = states
      .filter(({ key, used }) => used >= (points.get(key) ?? Number.POSITIVE_INFINITY))
      .toSorted((one, other) => Number(other.endsAt) - Number(one.endsAt));
    return last && { key: last.key, retryAfterMs: Math.max(1, Number(last.endsAt) - Date.now()) };
  };

  const assertAvailable = async (buckets: readonly Bucket[]): Promise<void> => {
    const refusal = buckets.length === 0 ? undefined : await readRefusal(buckets);
    if (!refusal) return;
    remember(refusal);
    refuse(buckets, refusal);
  };

  const assertNotExhausted = async (buckets: readonly Bucket[]): Promise<void> => {
    const remembered = buckets.map(idOf).filter((id) => exhausted.has(id));
    if (remembered.length === 0) return;
    const refusal = rememberedRefusal(remembered);
    if (refusal) return refuse(buckets, refusal);
    for (const id of remembered) exhausted.delete(id); // it may have been reset elsewhere
    await assertAvailable(buckets);
  };

  const requestOf = (bucket: Bucket): BucketRequest => ({
    key: idOf(bucket),
    ...limits[bucket.limit],
  });

  /** How many attempts may wait for a bucket. */
  const maxWaiting = (buckets: readonly Bucket[], key: string): number => {
    const bucket = buckets.find((each) => idOf(each) === key);
    return Math.max(minWaiting, bucket ? limits[bucket.limit].points / 2 : 0);
  };

  const consume = async (buckets: readonly Bucket[]): Promise<Attempt> => {
    const requests = buckets.map(requestOf);
    const keys = requests.map(({ key }) => key);
    for (;;) {
      inFlight.begin(keys); // before the store: others may be refused because of it
      const consumption = await store.consume(requests).catch((error: unknown) => {
        inFlight.end(keys);
        throw error;
      });
      if (!consumption.refusal) {
        return {
          refund: () =>
            consumption
              .refund()
              .catch(() => undefined)
              .finally(() => inFlight.end(keys)),
          keep: () => inFlight.end(keys),
        };
      }
      const { refusal } = consumption;
      inFlight.refuse(keys, refusal);
      const waited = inFlight.wait(refusal.key, maxWaiting(buckets, refusal.key));
      const verdict = waited ? await waited : refusal;
      if (!verdict) continue;
      if (!inFlight.has(verdict.key)) remember(verdict);
      return refuse(buckets, verdict);
    }
  };

  return {
    async consume(buckets) {
      if (buckets.length === 0) return { refund: async () => undefined, keep: () => undefined };
      await assertNotExhausted(buckets);
      return consume(buckets);
    },
    assertNotExhausted,
    assertAvailable,
    async reset(buckets) {
      await store.reset(buckets.map(idOf));
      for (const bucket of buckets) exhausted.delete(idOf(bucket));
    },
    read: (buckets) => store.read(buckets.map(idOf)),
    fullest: store.fullest,
    async clear() {
      const cleared = await store.clear();
      exhausted.clear();
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
