// Lets as many computations run as there are threads, a bounded number wait in order, and no more.
// It knows nothing of passwords. Piscina's own queue does not serve (5.3.2): tasks with a signal
// bypass `maxQueue`, an abort kills the thread of a running task, and `close` kills running tasks.
import { Problem } from '../../core/errors.ts';

export interface HashQueue {
  /**
   * Runs the work when its turn comes; aborting takes it out of the queue, but does not stop it. `around`
   * has the same turn, and runs the work or refuses it; its own time needs no rest.
   * @throws OVERLOADED when the queue is full, the signal's reason when aborted before its turn
   */
  run<T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
    around?: (work: () => Promise<T>) => Promise<T>,
  ): Promise<T>;
  /**
   * A place for someone who will want to run a work soon and has something to do before: as many as
   * can run and wait, while the line is not too long already. Dispose of it when all is done.
   * @throws OVERLOADED when there is none
   */
  reserveSlot(): Disposable;
  /** How many wait for their turn. */
  queueLength(): number;
  /** Turns away who waits, then resolves when the last running work is done. */
  close(): Promise<void>;
}

interface Waiter {
  readonly admit: () => void;
  readonly refuse: (reason: unknown) => void;
}

/** A guess of how long one work takes, until enough are done to tell the pace. */
const expectedSeconds = 0.05;
const enoughWorks = 16;
/** Nobody new is let in where the line is longer: who waits too long has given up when it is their turn. */
const longestWaitSeconds = 2;
/** A line that is no flood, however slow the machine. */
const shortLine = 20;
/** Before the deadline of their request: until then at the latest it is somebody's turn. */
const patienceMilliseconds = 3500;

/** So many are turned away from a line that has become too long, so far apart. */
const refusedAtOnce = 2;
const refusalMilliseconds = 25;

/** While the machine is pressed a place rests for so many times as long as the work took. */
const restPerWork = 2;

/**
 * An admission with room for `slots` running works and `queueLimit` waiting ones. While `isPressed` says
 * that everybody else would have to wait for it, one work runs at a time, and after each there is a rest:
 * what comes with a work costs the others as much as the work itself.
 */
export function createHashQueue(options: {
  readonly slots: number;
  readonly queueLimit: number;
  readonly isPressed?: () => boolean;
}): HashQueue {
  const { slots: most, queueLimit, isPressed = () => false } = options;
  /** Pressed or not, so many are let in: a rest makes them wait, it turns nobody away. */
  const room = most + queueLimit;
  const slots = () => (isPressed() ? 1 : most);
  const waiting = new Set<Waiter>();
  const idle = Promise.withResolvers<void>();
  /** Slots that are taken, those at rest among them. */
  let running = 0;
  let resting = 0;
  let places = 0;
  let isClosed = false;
  let isShortening = false;
  let works = 0;
  /** Of all works at first, of the last ones later. */
  let meanSeconds = 0;

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (isClosed) throw closedError();
    if (running < slots()) {
      running += 1;
      return;
    }
    if (running - resting + waiting.size >= room) throw overloaded();
    await turn(signal);
  }

  function turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { admit: resolve, refuse: reject };
    const abandon = () => {
      waiting.delete(waiter);
      reject(signal?.reason);
    };
    const patience = setTimeout(() => {
      waiting.delete(waiter);
      reject(overloaded());
    }, patienceMilliseconds);
    waiting.add(waiter);
    signal?.addEventListener('abort', abandon, { once: true });
    return promise.finally(() => {
      clearTimeout(patience);
      signal?.removeEventListener('abort', abandon);
    });
  }

  /** The place of a work that is done is given on after the rest. */
  function leave(milliseconds: number): void {
    if (isPressed() && !isClosed) rest(restPerWork * milliseconds);
    else giveOn();
  }

  function rest(milliseconds: number): void {
    resting += 1;
    setTimeout(() => {
      resting -= 1;
      giveOn();
    }, milliseconds);
  }

  function giveOn(): void {
    running -= 1;
    shorten();
    for (const next of waiting) {
      if (running >= slots()) break;
      running += 1; // at once, so nobody can slip in between
      waiting.delete(next);
      next.admit();
    }
    if (isClosed && running === 0) idle.resolve();
  }

  const isPaceKnown = () => works >= enoughWorks;

  /** By the pace of late: a machine that has other things to do makes the line shorter. */
  function secondsEach(): number {
    if (!isPaceKnown()) return expectedSeconds / slots();
    return (isPressed() ? meanSeconds * (1 + restPerWork) : meanSeconds) / slots();
  }

  /** Counts who is on the way to the line, too: a place let in too many is work done for nothing. */
  function isLong(): boolean {
    const line = isPaceKnown() ? Math.max(places, waiting.size) : waiting.size;
    return line >= shortLine && line * secondsEach() > longestWaitSeconds;
  }

  /**
   * When the pace drops, the last in line hear so now, not when their patience is at its end: a few at a
   * time, as each of them is some milliseconds of work for those whom a shorter line is to spare.
   */
  function shorten(): void {
    if (isShortening || !isPaceKnown()) return;
    const inTime = Math.floor(patienceMilliseconds / 1000 / secondsEach());
    const tooMany = waiting.size - Math.max(shortLine, inTime);
    if (tooMany <= 0) return;
    for (const waiter of [...waiting].slice(-Math.min(tooMany, refusedAtOnce))) {
      waiting.delete(waiter);
      waiter.refuse(overloaded());
    }
    isShortening = true;
    setTimeout(() => {
      isShortening = false;
      shorten();
    }, refusalMilliseconds);
  }

  /** However slow the pace, nobody stays in line for longer than their patience. */
  function overloaded(): Problem {
    const seconds = Math.min(waiting.size * secondsEach(), patienceMilliseconds / 1000);
    const retryAfterSeconds = Math.max(1, Math.ceil(seconds));
    return new Problem('OVERLOADED', { retryAfterSeconds });
  }

  return {
    async run(work, signal, around = (inner) => inner()) {
      await enter(signal);
      const startedAt = performance.now();
      let workMilliseconds = 0;
      const timedWork = async () => {
        const workedFrom = performance.now();
        return work().finally(() => {
          workMilliseconds = performance.now() - workedFrom;
        });
      };
      try {
        signal?.throwIfAborted();
        return await around(timedWork);
      } finally {
        const milliseconds = performance.now() - startedAt;
        works += 1;
        meanSeconds += (milliseconds / 1000 - meanSeconds) / Math.min(works, enoughWorks);
        leave(workMilliseconds);
      }
    },

    reserveSlot() {
      if (places >= room || isLong()) throw overloaded();
      places += 1;
      return {
        [Symbol.dispose]: () => {
          places -= 1;
        },
      };
    },

    queueLength: () => waiting.size,

    close() {
      isClosed = true;
      for (const waiter of waiting) waiter.refuse(closedError());
      waiting.clear();
      if (running === 0) idle.resolve();
      return idle.promise;
    },
  };
}

function closedError(): Error {
  return new Error('The password hasher is closed.');
}
