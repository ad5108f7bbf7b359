/** What the limiter needs of a place where attempts are counted. */

export interface BucketRequest {
  readonly key: string;
  readonly points: number;
  readonly seconds: number;
}

export interface BucketState {
  readonly key: string;
  /** Attempts consumed in the current window. */
  readonly used: number;
  /** When the window ends, by this process's clock. */
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
  /** The buckets of these keys that hold attempts. */
  read(keys: readonly string[]): Promise<readonly BucketState[]>;
  /** The fullest buckets, `limit` of them at most. */
  fullest(limit: number): Promise<readonly BucketState[]>;
  /** Empties every bucket. @returns how many there were */
  clear(): Promise<number>;
  /** Removes buckets whose window has ended. */
  prune(): Promise<void>;
  close(): Promise<void>;
}

/** One order for all processes: statements that lock several rows never wait for each other in a circle. */
export function inKeyOrder(requests: readonly BucketRequest[]): readonly BucketRequest[] {
  return requests.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}
