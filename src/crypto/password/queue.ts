/**
 * A bounded queue of password computations, first in, first out, with a deadline for waiting ones. The queue of Piscina
 * (5.3.2) is not suitable: tasks with a signal bypass `maxQueue`, an abort kills the thread of a running task, `close`
 * kills running tasks, and waiting tasks have no deadline.
 */
import { Problem } from '../../core/errors.ts';

export interface HashQueueJob<T> {
  work(): Promise<T>;
  /**
   * A delay of the result, without a slot. Jobs with the same key wait for it, because the start of the second one
   * would reveal the duration of the first one.
   */
  delay?(result: T): Promise<void> | undefined;
  /** Jobs with the same key run one after the other. Few of them may wait. */
  readonly key?: string | undefined;
  /** An abort removes a waiting job from the queue, but does not stop a running one. */
  readonly signal?: AbortSignal | undefined;
}

export interface HashQueue {
  /**
   * Runs the job when a slot is free.
   * @throws OVERLOADED when the queue is full or too slow, the signal's reason when aborted while waiting
   */
  run<T>(job: HashQueueJob<T>): Promise<T>;
  /**
   * Reserves a slot for a caller that calls `run` later, so that it is rejected before its other work. Dispose of the
   * reservation at the end.
   * @throws OVERLOADED when the queue is full or too slow
   */
  reserveSlot(): Disposable;
  /** Number of waiting jobs. */
  queueLength(): number;
  /** Rejects waiting jobs, and resolves when the last running job has ended. */
  close(): Promise<void>;
}

interface Waiter {
  readonly key: string | undefined;
  readonly start: () => void;
  readonly reject: (reason: unknown) => void;
}

/** How long a job of a request may wait: the timeout of the request follows. */
export const requestWaitMilliseconds = 3_500;
/** Nobody waits for the answer of a command. */
export const commandWaitMilliseconds = 120_000;

/** Waiting jobs with the same key. More would fill the queue, although only one of them runs. */
const maxWaitingOfKey = 20;

/** Weight of the latest job in the average duration. */
const latestWeight = 1 / 16;

/**
 * A queue with `slots` for running jobs and `queueLimit` for waiting ones. While the process is overloaded it uses one
 * slot less, but at least one.
 */
export function createHashQueue(options: {
  readonly slots: number;
  readonly queueLimit: number;
  readonly isOverloaded?: () => boolean;
  /** A job that waits longer, or is expected to, is rejected. Default: that of a request. */
  readonly waitMilliseconds?: number | undefined;
}): HashQueue {
  const { isOverloaded = () => false, waitMilliseconds = requestWaitMilliseconds } = options;
  const capacity = options.slots + options.queueLimit;
  const slots = () => Math.max(1, isOverloaded() ? options.slots - 1 : options.slots);
  const waiting = new Set<Waiter>();
  const runningKeys = new Set<string>();
  const idle = Promise.withResolvers<void>();
  let running = 0;
  let delayed = 0;
  let reserved = 0;
  let isClosed = false;
  let averageMilliseconds = 0;

  /** Starts waiting jobs in their order, as far as slots are free. Every job waits, so no job overtakes another. */
  function startWaiting(): void {
    for (const next of waiting) {
      if (running >= slots()) return;
      if (next.key !== undefined && runningKeys.has(next.key)) continue;
      waiting.delete(next);
      running += 1;
      if (next.key !== undefined) runningKeys.add(next.key);
      next.start();
    }
  }

  function waitForSlot({ key, signal }: HashQueueJob<unknown>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { key, start: resolve, reject };
    const leave = (reason: unknown) => {
      waiting.delete(waiter);
      reject(reason);
    };
    const abort = () => leave(signal?.reason);
    const timer = setTimeout(() => leave(overloaded()), waitMilliseconds);
    signal?.addEventListener('abort', abort, { once: true });
    waiting.add(waiter);
    startWaiting();
    return promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  }

  async function runInSlot<T>(job: HashQueueJob<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      job.signal?.throwIfAborted();
      const result = await job.work();
      // A job that fails, for example at a rate limit, has computed nothing.
      averageMilliseconds += (performance.now() - startedAt - averageMilliseconds) * latestWeight;
      return result;
    } finally {
      running -= 1;
      if (isClosed && running === 0) idle.resolve();
    }
  }

  /** Meanwhile the slot is free, and the reservation of the caller does not count. */
  async function waitFor(delay: Promise<void>): Promise<void> {
    delayed += 1;
    startWaiting();
    await delay.finally(() => {
      delayed -= 1;
    });
  }

  /** By recent durations. */
  const expectedMilliseconds = (jobs: number) => (jobs * averageMilliseconds) / slots();

  /** @throws OVERLOADED when one more job would exceed the capacity or miss the deadline */
  function assertNotFull(jobs: number): void {
    if (jobs >= capacity || expectedMilliseconds(jobs) > waitMilliseconds) throw overloaded();
  }

  function isKeyFull(key: string | undefined): boolean {
    if (key === undefined) return false;
    return [...waiting].filter((waiter) => waiter.key === key).length >= maxWaitingOfKey;
  }

  /** Retry-After is the expected time until the jobs that wait now have started. */
  function overloaded(): Problem {
    const milliseconds = Math.min(expectedMilliseconds(waiting.size), waitMilliseconds);
    return new Problem('OVERLOADED', {
      retryAfterSeconds: Math.max(1, Math.ceil(milliseconds / 1000)),
    });
  }

  return {
    async run(job) {
      job.signal?.throwIfAborted();
      if (isClosed) throw closedError();
      assertNotFull(running + waiting.size);
      if (isKeyFull(job.key)) throw overloaded();
      await waitForSlot(job);
      try {
        const result = await runInSlot(job);
        const delay = job.delay?.(result);
        if (delay) await waitFor(delay);
        return result;
      } finally {
        if (job.key !== undefined) runningKeys.delete(job.key);
        startWaiting();
      }
    },

    reserveSlot() {
      assertNotFull(Math.max(reserved - delayed, running + waiting.size));
      reserved += 1;
      return {
        [Symbol.dispose]: () => {
          reserved -= 1;
        },
      };
    },

    queueLength: () => waiting.size,

    close() {
      isClosed = true;
      for (const waiter of waiting) waiter.reject(closedError());
      waiting.clear();
      if (running === 0) idle.resolve();
      return idle.promise;
    },
  };
}

function closedError(): Error {
  return new Error('The password hasher is closed.');
}
