// Hashes and verifies passwords with argon2id in low-priority threads, one at a time and with rests
// while the event loop has no time to spare, so that a storm of logins slows logins only. It knows
// nothing of users, and nothing of which passwords are acceptable.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { Problem } from '../../core/errors.ts';
import { codeFile } from '../../core/package.ts';
import { createEventLoopMonitor } from '../../observability/event-loop.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { traced } from '../../observability/tracing.ts';
import { defaultHashParameters, type HashParameters, isAffordable } from './parameters.ts';
import { createHashQueue, type HashQueue } from './queue.ts';
import { type Argon2Hash, longestStoredHash, parseStoredHash } from './stored-hash.ts';
import type { CompareTask, ComputeTask } from './worker.ts';

/** Passwords are hashed as their exact UTF-8 bytes, never trimmed, cut or normalised (ASVS 6.2.8). */
export interface PasswordHasher {
  /**
   * A new hash in PHC form.
   * @throws OVERLOADED when the queue is full
   */
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /**
   * Whether the password made this hash. Undefined, empty, unusable (`!…`), unreadable or too costly
   * hashes take the time of a current one and answer false. `limited` runs the comparison once a thread is
   * free for it, and may refuse it.
   * @throws OVERLOADED when the queue is full, and what `limited` throws
   */
  verify(
    hash: string | undefined,
    password: string,
    signal?: AbortSignal,
    limited?: (compare: () => Promise<boolean>) => Promise<boolean>,
  ): Promise<boolean>;
  /**
   * Whether the hash is other than `hash` would make it now: another scheme or other parameters,
   * weaker or stronger, because a hash of another cost tells known accounts from unknown ones.
   */
  needsRehash(hash: string): boolean;
  /**
   * A place for a computation that is asked for after other work, so that overload is told before
   * that work is done. Dispose of it when all is done.
   * @throws OVERLOADED when there is none
   */
  reserveSlot(): Disposable;
  /** Lets running computations finish and turns away the waiting ones; safe to call twice. */
  close(): Promise<void>;
}

interface PasswordHasherOptions {
  readonly threads: number;
  /** How many computations may wait while every thread is busy; the first of them soon cannot be aborted. */
  readonly queueLimit: number;
  readonly parameters?: HashParameters;
  readonly metrics?: Metrics;
  /** Whether everybody else has to wait already; by the use of the event loop unless told otherwise. */
  readonly isOverloaded?: () => boolean;
}

/**
 * Keeps the threads behind everything that answers other requests. The most that there is, 19, would
 * leave them next to nothing of a machine that is busy with something else, and logins would time out.
 */
const niceIncrement = 10;

/**
 * So many of those that wait are with the threads already, past aborting, so that no thread waits for
 * the event loop to hand it the next.
 */
const mostLookAhead = 1;

const workerFile = codeFile('crypto/password/worker');

/**
 * How many threads each of so many workers has: a processor less than its share of the machine, and
 * one at least. Without a processor of its own, all that surrounds a hash (event loop, database) takes
 * from the threads what another thread adds.
 */
export function hashThreadsOf(workers: number): number {
  return Math.max(1, Math.floor(availableParallelism() / workers) - 1);
}

/**
 * The threads start with the first computation, some 40 ms late: most commands never need them.
 *
 * They hold no reference on the process. An abort takes a waiting call out of the queue; a
 * computation that has begun runs to its end, as killing its thread would cost more.
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
  const isPressed = options.isOverloaded ?? createEventLoopMonitor();
  const lookAhead = Math.min(queueLimit, mostLookAhead);
  const admission = createHashQueue({
    slots: threads + lookAhead,
    queueLimit: queueLimit - lookAhead,
    isPressed,
  });
  const run = options.metrics ? measured(admission, options.metrics) : unmeasured(admission);

  return {
    hash(password, signal) {
      const task: ComputeTask = { password, parameters };
      return run<string>('hash', () => compute(task, 'compute'), signal);
    },

    verify(stored, password, signal, limited) {
      const hash = (stored?.length ?? 0) <= longestStoredHash ? stored : undefined;
      const task: CompareTask = { hash, password, dummyHash };
      return run<boolean>('verify', () => compute(task, 'compare'), signal, limited);
    },

    needsRehash(hash) {
      const stored = parseStoredHash(hash);
      return stored?.scheme !== 'argon2' || !isCurrent(stored, parameters);
    },

    reserveSlot() {
      try {
        return admission.reserveSlot();
      } catch (error) {
        countRefusal(error, options.metrics);
        throw error;
      }
    },

    async close() {
      await admission.close();
      await pool?.destroy();
    },
  };
}

type Run = <T>(
  work: 'hash' | 'verify',
  begin: () => Promise<T>,
  signal: AbortSignal | undefined,
  around?: (begin: () => Promise<T>) => Promise<T>,
) => Promise<T>;

function unmeasured(admission: HashQueue): Run {
  return (_work, begin, signal, around) => admission.run(begin, signal, around);
}

function measured(admission: HashQueue, metrics: Metrics): Run {
  metrics.read('hashQueue', () => [[[], admission.queueLength()]]);
  const seconds = (since: number) => (performance.now() - since) / 1000;
  return async (work, begin, signal, around) => {
    const askedAt = performance.now();
    const timed = async () => {
      metrics.observe('hashQueueWaitSeconds', seconds(askedAt));
      const begunAt = performance.now();
      return traced(`argon2 ${work}`, {}, begin).finally(() =>
        metrics.observe('hashDurationSeconds', seconds(begunAt), work),
      );
    };
    // The time before the inner span is that of waiting.
    const admitted = () => admission.run(timed, signal, around);
    return traced(`password ${work}`, {}, admitted).catch((error: unknown) => {
      countRefusal(error, metrics);
      throw error;
    });
  };
}

function countRefusal(error: unknown, metrics: Metrics | undefined): void {
  if (error instanceof Problem && error.code === 'OVERLOADED') metrics?.count('hashRefusals');
}

function createPool(threads: number): Piscina {
  return new Piscina({
    filename: workerFile,
    name: 'compute',
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1 + mostLookAhead,
    niceIncrement,
    recordTiming: false,
    env: {}, // the threads need none of our secrets
    argv: [],
    execArgv: [], // nor a debugger or loader meant for the main thread
  });
}

/** A random digest stands for a computed one: as slow to compare, ready at once, never matched. */
function createDummyHash({ memoryKib, iterations, parallelism }: HashParameters): string {
  const [salt, digest] = [randomBytes(16), randomBytes(32)].map((bytes) =>
    bytes.toString('base64').replace(/=+$/, ''),
  );
  return `$argon2id$v=19$m=${memoryKib},t=${iterations},p=${parallelism}$${salt}$${digest}`;
}

function isCurrent(stored: Argon2Hash, parameters: HashParameters): boolean {
  return (
    !stored.isLegacy &&
    stored.variant === 'argon2id' &&
    stored.saltBytes >= 16 &&
    stored.digestBytes >= 32 &&
    stored.parameters.memoryKib === parameters.memoryKib &&
    stored.parameters.iterations === parameters.iterations &&
    stored.parameters.parallelism === parameters.parallelism
  );
}
