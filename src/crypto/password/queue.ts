/**
 * A bounded queue of computations, with as many running as there are threads, load shedding, and cooldowns while the
 * event loop is overloaded. The queue of Piscina (5.3.2) is not suitable: tasks with a signal bypass `maxQueue`, an
 * abort kills the thread of a running task, and `close` kills running tasks.
 */
import { Problem } from '../../core/errors.ts';

export interface HashQueue {
  /**
   * Runs the work when a slot is free. An abort removes waiting work from the queue, but does not stop running work.
   * `wrapWork` runs in the slot and calls the work or rejects; its own time causes no cooldown.
   * @throws OVERLOADED when the queue is full, the signal's reason when aborted while waiting
   */
  run<T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
    wrapWork?: (work: () => Promise<T>) => Promise<T>,
  ): Promise<T>;
  /**
   * Reserves a slot for a caller that calls `run` later, so that it is rejected before its other work. Dispose of the
   * reservation at the end.
   * @throws OVERLOADED when running and waiting work leave no slot, or the queue is too slow
   */
  reserveSlot(): Disposable;
  /** Number of waiting computations. */
  queueLength(): number;
  /** Rejects waiting work, and resolves when the last running work has ended. */
  close(): Promise<void>;
}

interface Waiter {
  readonly admit: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Assumed duration of a computation, until enough were measured. */
const expectedSeconds = 0.05;
const minMeasurements = 16;
/** Reservations are rejected above this expected waiting time. */
const maxWaitSeconds = 2;
/** A queue of this length is never shed. */
const minQueueLength = 20;
/** Waiting work is rejected after this time, before the timeout of its request. */
const queueTimeoutMilliseconds = 3500;

/** Shedding rejects this many computations at a time, at this interval. */
const shedAtOnce = 2;
const shedIntervalMilliseconds = 25;

/** Cooldown of a slot, as a multiple of the work's duration, while the process is overloaded. */
const cooldownFactor = 2;

/**
 * A queue with `slots` for running work and `queueLimit` for waiting work. While the process is overloaded one
 * computation runs at a time, with a cooldown after it, because the requests around a computation cost other requests
 * as much as the computation itself.
 */
export function createHashQueue(options: {
  readonly slots: number;
  readonly queueLimit: number;
  readonly isOverloaded?: () => boolean;
}): HashQueue {
  const { slots: maxSlots, queueLimit, isOverloaded = () => false } = options;
  /** Also during an overload: a cooldown delays work and rejects none. */
  const capacity = maxSlots + queueLimit;
  const slots = () => (isOverloaded() ? 1 : maxSlots);
  const waiting = new Set<Waiter>();
  const idle = Promise.withResolvers<void>();
  /** Used slots, including those in cooldown. */
  let running = 0;
  let cooling = 0;
  let reserved = 0;
  let isClosed = false;
  let isShedding = false;
  let measurements = 0;
  /** Mean of all measurements, later a moving average. */
  let meanSeconds = 0;

  async function acquire(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (isClosed) throw closedError();
    if (running < slots()) {
      running += 1;
      return;
    }
    if (running - cooling + waiting.size >= capacity) throw overloaded();
    await waitForSlot(signal);
  }

  function waitForSlot(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { admit: resolve, reject };
    const abort = () => {
      waiting.delete(waiter);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      waiting.delete(waiter);
      reject(overloaded());
    }, queueTimeoutMilliseconds);
    waiting.add(waiter);
    signal?.addEventListener('abort', abort, { once: true });
    return promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  }

  /** Frees the slot, after a cooldown while the process is overloaded. */
  function release(milliseconds: number): void {
    if (isOverloaded() && !isClosed) coolDown(cooldownFactor * milliseconds);
    else freeSlot();
  }

  function coolDown(milliseconds: number): void {
    cooling += 1;
    setTimeout(() => {
      cooling -= 1;
      freeSlot();
    }, milliseconds);
  }

  function freeSlot(): void {
    running -= 1;
    shed();
    for (const next of waiting) {
      if (running >= slots()) break;
      running += 1; // before the waiter continues, so that no other caller takes the slot
      waiting.delete(next);
      next.admit();
    }
    if (isClosed && running === 0) idle.resolve();
  }

  const isMeasured = () => measurements >= minMeasurements;

  /** Expected seconds per computation, by recent measurements. */
  function secondsEach(): number {
    if (!isMeasured()) return expectedSeconds / slots();
    return (isOverloaded() ? meanSeconds * (1 + cooldownFactor) : meanSeconds) / slots();
  }

  /** Includes reserved slots, because their computations will wait as well. */
  function isTooSlow(): boolean {
    const length = isMeasured() ? Math.max(reserved, waiting.size) : waiting.size;
    return length >= minQueueLength && length * secondsEach() > maxWaitSeconds;
  }

  /**
   * When computations become slower, rejects the last waiting ones now instead of at their timeout. It rejects a few at
   * a time, because each rejection costs some milliseconds.
   */
  function shed(): void {
    if (isShedding || !isMeasured()) return;
    const withinTimeout = Math.floor(queueTimeoutMilliseconds / 1000 / secondsEach());
    const excess = waiting.size - Math.max(minQueueLength, withinTimeout);
    if (excess <= 0) return;
    for (const waiter of [...waiting].slice(-Math.min(excess, shedAtOnce))) {
      waiting.delete(waiter);
      waiter.reject(overloaded());
    }
    isShedding = true;
    setTimeout(() => {
      isShedding = false;
      shed();
    }, shedIntervalMilliseconds);
  }

  /** The expected waiting time is at most the timeout of the queue. */
  function overloaded(): Problem {
    const seconds = Math.min(waiting.size * secondsEach(), queueTimeoutMilliseconds / 1000);
    const retryAfterSeconds = Math.max(1, Math.ceil(seconds));
    return new Problem('OVERLOADED', { retryAfterSeconds });
  }

  return {
    async run(work, signal, wrapWork = (inner) => inner()) {
      await acquire(signal);
      const startedAt = performance.now();
      let workMilliseconds = 0;
      const timedWork = async () => {
        const workStartedAt = performance.now();
        return work().finally(() => {
          workMilliseconds = performance.now() - workStartedAt;
        });
      };
      try {
        signal?.throwIfAborted();
        return await wrapWork(timedWork);
      } finally {
        const milliseconds = performance.now() - startedAt;
        measurements += 1;
        meanSeconds +=
          (milliseconds / 1000 - meanSeconds) / Math.min(measurements, minMeasurements);
        release(workMilliseconds);
      }
    },

    reserveSlot() {
      if (reserved >= capacity || isTooSlow()) throw overloaded();
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
