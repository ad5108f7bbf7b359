/** The interface of a store for rate limit buckets. */

export interface BucketRequest {
  readonly key: string;
  readonly points: number;
  readonly seconds: number;
}

export interface BucketState {
  readonly key: string;
  /** Attempts consumed in the current window. */
  readonly used: number;
  /** When the window ends, by the clock of this process. */
  readonly endsAt: Date;
}

export interface Refusal {
  /** The exhausted bucket whose window ends last. */
  readonly key: string;
  /** Until that window ends; at least 1. */
  readonly retryAfterMs: number;
}

export type Consumption =
  | { readonly refusal: Refusal }
  | { readonly refusal?: undefined; refund(): Promise<void> };

export interface RateLimitStore {
  /** Consumes one attempt of every bucket, or of none; atomic, by the clock of the store. */
  consume(requests: readonly BucketRequest[]): Promise<Consumption>;
  reset(keys: readonly string[]): Promise<void>;
  /** Those buckets of the keys that have consumed attempts. */
  read(keys: readonly string[]): Promise<readonly BucketState[]>;
  /** As `read`, for commands: waits for the connection of the store, and reads its fallback as well. */
  inspect(keys: readonly string[]): Promise<readonly BucketState[]>;
  /** The keys with that beginning of buckets that have consumed attempts. Reads all buckets. */
  keysWithPrefix(prefix: string): Promise<readonly string[]>;
  /** The buckets with the most consumed attempts, at most `limit`. */
  fullest(limit: number): Promise<readonly BucketState[]>;
  /** Empties all buckets. @returns their number */
  clear(): Promise<number>;
  /** Removes buckets whose window has ended. */
  prune(): Promise<void>;
  close(): Promise<void>;
}

/** The same order in all processes, so that statements that lock several rows do not deadlock. */
export function inKeyOrder(requests: readonly BucketRequest[]): readonly BucketRequest[] {
  return requests.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}
