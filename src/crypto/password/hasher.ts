/** Hashes and verifies passwords with argon2id in low-priority threads, behind a bounded queue. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { Problem } from '../../core/errors.ts';
import { codeFile } from '../../core/package.ts';
import { createEventLoopMonitor } from '../../observability/event-loop.ts';
import { type Metrics, readGauge } from '../../observability/metrics.ts';
import { traced } from '../../observability/tracing.ts';
import {
  defaultHashParameters,
  type HashParameters,
  hasParameters,
  isAffordable,
} from './parameters.ts';
import { createHashQueue, type HashQueue } from './queue.ts';
import type { Argon2Hash } from './stored-hash/argon2.ts';
import { withoutPadding } from './stored-hash/base64.ts';
import { longestStoredHash, parseStoredHash } from './stored-hash/stored-hash.ts';
import { formatWrapped, readWeak } from './stored-hash/weak.ts';
import type { CompareTask, ComputeTask } from './worker.ts';

/** A limit of comparisons, such as a rate limit. */
export interface ComparisonLimit<Result = boolean> {
  /** Comparisons with the same key run one after the other. */
  readonly key: string | undefined;
  /** Runs the comparison or rejects. The hasher calls it when a thread is free. */
  run(compare: () => Promise<Result>): Promise<Result>;
}

/** Passwords are hashed as their exact UTF-8 bytes, never trimmed, truncated or normalized (ASVS 6.2.8). */
export interface PasswordHasher {
  /**
   * A new hash in PHC form.
   * @throws OVERLOADED when the queue is full
   */
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /**
   * An argon2id hash of a weak hash (MD5, SHA-1), which verifies the password of the weak one.
   * @param hash of the kind `weak` of `readImportedHash`
   * @throws OVERLOADED when the queue is full
   */
  wrapWeak(hash: string, signal?: AbortSignal): Promise<string>;
  /**
   * Whether the hash was computed from the password. Undefined, empty, unusable (`!…`), invalid or too costly
   * hashes take the time of a current one and return false.
   * @throws OVERLOADED when the queue is full, and the errors of `limit`
   */
  verify(
    hash: string | undefined,
    password: string,
    signal?: AbortSignal,
    limit?: ComparisonLimit,
  ): Promise<boolean>;
  /**
   * Whether the hash has another scheme or other parameters than `hash` uses now, weaker or stronger: a hash of another
   * cost distinguishes known accounts from unknown ones.
   */
  needsRehash(hash: string): boolean;
  /**
   * Reserves a slot for a later computation, so that an overload is reported before the caller's other work. Dispose of
   * it at the end.
   * @throws OVERLOADED when the queue is full
   */
  reserveSlot(): Disposable;
  /** Waits for running computations and rejects waiting ones. Idempotent. */
  close(): Promise<void>;
}

interface PasswordHasherOptions {
  readonly threads: number;
  /** How many computations may wait while all threads are busy. The first one for each thread cannot be aborted. */
  readonly queueLimit: number;
  readonly parameters?: HashParameters;
  readonly metrics?: Metrics;
  /** By default the utilization of the event loop decides. */
  readonly isOverloaded?: () => boolean;
}

/**
 * Gives the threads a lower priority than other requests. With the maximum, 19, logins would time out on a machine that
 * is busy with other programs.
 */
const niceIncrement = 10;

const workerFile = codeFile('crypto/password/worker');

/** Threads of each worker process: its share of the processors, at least one. */
export function hashThreadsPerWorker(workers: number): number {
  return Math.max(1, Math.floor(availableParallelism() / workers));
}

/**
 * The queue has two slots for each thread: while the thread computes, its next job consumes the rate limit, so that no
 * thread waits for the database. With one slot, two threads did 94 logins per second instead of 113, and 17 instead of
 * 46 beside other requests at full load.
 *
 * The threads start with the first computation, which takes 40 ms: most commands never need them. They do not keep the
 * process alive. An abort removes a waiting call from the queue; a running computation ends by itself, because killing
 * its thread would cost more.
 */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { threads, queueLimit, parameters = defaultHashParameters } = options;
  if (!isAffordable(parameters)) throw new Error('These argon2 parameters could not be verified.');
  const dummyHash = createDummyHash(parameters);
  let pool: Piscina | undefined;
  const compute = <Result>(task: ComputeTask | CompareTask, name: string): Promise<Result> => {
    pool ??= createPool(threads);
    return pool.run(task, { name });
  };
  const isOverloaded = options.isOverloaded ?? createEventLoopMonitor();
  const nextJobs = Math.min(threads, queueLimit);
  const queue = createHashQueue({
    slots: threads + nextJobs,
    queueLimit: queueLimit - nextJobs,
    isOverloaded,
  });
  const run = options.metrics ? measured(queue, options.metrics) : unmeasured(queue);

  return {
    hash(password, signal) {
      const task: ComputeTask = { password, parameters };
      return run<string>('hash', () => compute(task, 'compute'), signal);
    },

    async wrapWeak(hash, signal) {
      const weak = readWeak(hash);
      if (!weak) throw new Error('This is no weak hash.');
      const task: ComputeTask = { password: weak.digest, parameters };
      const wrapping = await run<string>('hash', () => compute(task, 'compute'), signal);
      return formatWrapped(weak, wrapping);
    },

    verify(stored, password, signal, limit) {
      const hash = (stored?.length ?? 0) <= longestStoredHash ? stored : undefined;
      const task: CompareTask = { hash, password, dummyHash };
      return run<boolean>('verify', () => compute(task, 'compare'), signal, limit);
    },

    needsRehash(hash) {
      const stored = parseStoredHash(hash);
      return stored?.scheme !== 'argon2' || !isCurrent(stored, parameters);
    },

    reserveSlot() {
      try {
        return queue.reserveSlot();
      } catch (error) {
        countRejection(error, options.metrics);
        throw error;
      }
    },

    async close() {
      await queue.close();
      await pool?.destroy();
    },
  };
}

type Run = <T>(
  name: 'hash' | 'verify',
  compute: () => Promise<T>,
  signal: AbortSignal | undefined,
  limit?: ComparisonLimit<T>,
) => Promise<T>;

function unmeasured(queue: HashQueue): Run {
  return (_name, compute, signal, limit) =>
    queue.run({ work: () => (limit ? limit.run(compute) : compute()), key: limit?.key, signal });
}

function measured(queue: HashQueue, metrics: Metrics): Run {
  readGauge(metrics.hashQueue, () => [[{}, queue.queueLength()]]);
  const run = unmeasured(queue);
  const seconds = (since: number) => (performance.now() - since) / 1000;
  return async (name, compute, signal, limit) => {
    const requestedAt = performance.now();
    const timed = async () => {
      metrics.hashQueueWaitSeconds.observe(seconds(requestedAt));
      const startedAt = performance.now();
      return traced(`argon2 ${name}`, {}, compute).finally(() =>
        metrics.hashDurationSeconds.observe({ work: name }, seconds(startedAt)),
      );
    };
    // The time before the inner span is the waiting time.
    const queued = () => run(name, timed, signal, limit);
    return traced(`password ${name}`, {}, queued).catch((error: unknown) => {
      countRejection(error, metrics);
      throw error;
    });
  };
}

function countRejection(error: unknown, metrics: Metrics | undefined): void {
  if (error instanceof Problem && error.code === 'OVERLOADED') metrics?.hashRefusals.inc();
}

function createPool(threads: number): Piscina {
  return new Piscina({
    filename: workerFile,
    name: 'compute',
    minThreads: threads,
    maxThreads: threads,
    niceIncrement,
    recordTiming: false,
    env: {}, // the threads do not need the secrets of the environment
    argv: [],
    execArgv: [], // the threads do not need the debugger and loaders of the main thread
  });
}

/** A hash with a random digest. A comparison takes as long as with a computed digest, and never matches. */
function createDummyHash({ memoryKib, iterations, parallelism }: HashParameters): string {
  const [salt, digest] = [randomBytes(16), randomBytes(32)].map((bytes) => withoutPadding(bytes));
  return `$argon2id$v=19$m=${memoryKib},t=${iterations},p=${parallelism}$${salt}$${digest}`;
}

function isCurrent(stored: Argon2Hash, parameters: HashParameters): boolean {
  return (
    !stored.isLegacy &&
    stored.variant === 'argon2id' &&
    stored.version === 19 &&
    stored.saltBytes >= 16 &&
    stored.digestBytes >= 32 &&
    hasParameters(stored.parameters, parameters)
  );
}
