/** Hashes and verifies passwords with argon2id in low-priority threads, behind a bounded queue. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Piscina } from 'piscina';
import { codeFile } from '../../core/package.ts';
import { createEventLoopMonitor } from '../../observability/event-loop.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { type ComparisonLimit, createPasswordQueue } from './metered-queue.ts';
import {
  defaultHashParameters,
  type HashParameters,
  hasParameters,
  isAffordable,
} from './parameters.ts';
import { createHashQueue } from './queue.ts';
import { createRejectionDelay } from './rejection-delay.ts';
import type { Argon2Hash } from './stored-hash/argon2.ts';
import { withoutPadding } from './stored-hash/base64.ts';
import {
  type ClassifiedHash,
  type CostClass,
  foreignCostClass,
  mostExpensive,
} from './stored-hash/cost-class.ts';
import { longestStoredHash, parseStoredHash } from './stored-hash/stored-hash.ts';
import { argon2OfWrapped, formatWrapped, readWeak } from './stored-hash/weak.ts';
import type { CompareTask, Comparison, ComputeTask } from './worker.ts';

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
   * Whether `wrapWeak` computed the stored hash from this weak one, with any salt.
   * @throws OVERLOADED when the queue is full
   */
  isWrapOf(stored: string, hash: string): Promise<boolean>;
  /**
   * Whether the hash was computed from the password. Undefined, empty, unusable (`!…`), invalid or too costly
   * hashes take the time of a current one and return false. While accounts have hashes of another cost, every rejection
   * takes as long as the most expensive of these.
   * @throws OVERLOADED when the queue is full, and the errors of `limit`
   */
  verify(
    hash: string | undefined,
    password: string,
    signal?: AbortSignal,
    limit?: ComparisonLimit,
  ): Promise<boolean>;
  /**
   * Measures comparisons with the most expensive of the given hashes, as far as their cost is not known yet. Later
   * rejections take as long as the most expensive one, for an hour after its last use. Measurements run one at a time
   * and leave half of a thread to others.
   * @throws OVERLOADED when the queue is full
   */
  measureRejections(hashes: readonly string[], signal?: AbortSignal): Promise<void>;
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
  /** How long a computation may wait for a thread. Default: as long as in a request. */
  readonly waitMilliseconds?: number | undefined;
}

/**
 * Gives the threads a lower priority than other requests. With the maximum, 19, logins would time out on a machine that
 * is busy with other programs.
 */
const niceIncrement = 10;

/** Comparisons with the most expensive hash, so that one interruption does not count. Other costs need one. */
const measurements = 3;

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
    waitMilliseconds: options.waitMilliseconds,
  });
  const { run, reserveSlot } = createPasswordQueue(queue, options.metrics);
  const background = createPasswordQueue(queue, undefined);
  const rejections = createRejectionDelay();

  const compare = async (task: CompareTask, costClass: CostClass | undefined) => {
    const comparison = await compute<Comparison>(task, 'compare');
    if (costClass && !comparison.isMatch)
      rejections.add(costClass.name, comparison.milliseconds * costClass.scale);
    return comparison;
  };

  const measure = async ({ hash, costClass }: ClassifiedHash, signal: AbortSignal | undefined) => {
    const password = randomBytes(16).toString('base64');
    const task: CompareTask = { hash, password, dummyHash, isForeign: true };
    const job = { name: 'verify', compute: () => compare(task, costClass), signal } as const;
    const { milliseconds } = await background.run<Comparison>(job);
    await sleep(milliseconds, undefined, { ref: false, ...(signal && { signal }) });
  };

  const hash: PasswordHasher['hash'] = (password, signal) => {
    const task: ComputeTask = { password, parameters };
    return run<string>({ name: 'hash', compute: () => compute(task, 'compute'), signal });
  };

  const verify: PasswordHasher['verify'] = (stored, password, signal, limit) => {
    const short = (stored?.length ?? 0) <= longestStoredHash ? stored : undefined;
    const costClass = foreignCostClass(short, parameters);
    const task: CompareTask = { hash: short, password, dummyHash, isForeign: !!costClass };
    let comparisonMs = 0;
    return run<boolean>({
      name: 'verify',
      compute: async () => {
        const { isMatch, milliseconds } = await compare(task, costClass);
        comparisonMs = milliseconds;
        return isMatch;
      },
      delay: (isMatch) =>
        isMatch && !limit?.isRefusedAnyway ? undefined : rejections.delay(comparisonMs, signal),
      signal,
      limit,
    });
  };

  return {
    hash,
    verify,

    async wrapWeak(weakHash, signal) {
      const weak = readWeak(weakHash);
      if (!weak) throw new Error('This is no weak hash.');
      return formatWrapped(weak, await hash(weak.digest, signal));
    },

    async isWrapOf(stored, weakHash) {
      const weak = readWeak(weakHash);
      if (!weak) return false;
      const argon2id = argon2OfWrapped(stored, weak);
      return argon2id !== undefined && (await verify(argon2id, weak.digest));
    },

    async measureRejections(hashes, signal) {
      for (const [index, classified] of mostExpensive(hashes, parameters).entries()) {
        if (rejections.renew(classified.costClass.name)) continue;
        const times = index === 0 ? measurements : 1;
        for (let count = 0; count < times; count += 1) await measure(classified, signal);
      }
    },

    needsRehash(hash) {
      const stored = parseStoredHash(hash);
      return stored?.scheme !== 'argon2' || !isCurrent(stored, parameters);
    },

    reserveSlot,

    async close() {
      rejections.end();
      await queue.close();
      await pool?.destroy();
    },
  };
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
