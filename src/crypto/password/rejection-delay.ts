/**
 * Delays rejected comparisons. A hash of another system can cost more than a current one, and an unknown account has no
 * hash at all. So every rejection takes as long as the most expensive hash that accounts have: its duration tells
 * neither whether the account exists nor which hash it has. The delay needs no thread.
 */

export interface RejectionDelay {
  /** Whether durations of the class are known; if so, they are kept for another hour. */
  renew(costClass: string): boolean;
  /** @param milliseconds that the most expensive hash of the class needs, by a comparison that did not match */
  add(costClass: string, milliseconds: number): void;
  /**
   * Waits until the most expensive class would have been computed. An abort ends the delay.
   * @param milliseconds the duration of the comparison itself
   * @returns undefined if there is nothing to wait for
   */
  delay(milliseconds: number, signal: AbortSignal | undefined): Promise<void> | undefined;
  /** Ends all delays, also later ones. */
  end(): void;
}

interface CostClass {
  /** The latest durations, in milliseconds. */
  readonly durations: number[];
  usedAt: number;
}

/** After this time without a hash of a class, its accounts have moved. */
const lifetimeMs = 3_600_000;
const keptDurations = 16;
/** Beyond it the cheapest one is forgotten, because the delay follows the most expensive one. */
const maxClasses = 100;
/** Comparisons of the same class differ by a few percent. */
const margin = 1.1;
/** Requests end after 4.5 s, 3.5 s of which they may wait in the queue. */
const maxDelayMs = 1500;

/** @param now milliseconds of a monotonic clock */
export function createRejectionDelay(now: () => number = () => performance.now()): RejectionDelay {
  const classes = new Map<string, CostClass>();
  const delayed = new Set<() => void>();
  let hasEnded = false;

  const forgetOld = (): void => {
    for (const [name, { usedAt }] of classes) if (now() - usedAt > lifetimeMs) classes.delete(name);
  };

  const sufficientMs = (): number => {
    forgetOld();
    return Math.min(maxDelayMs, margin * Math.max(0, ...[...classes.values()].map(highDuration)));
  };

  const forgetCheapest = (): void => {
    const [cheapest] = [...classes].toSorted(([, a], [, b]) => highDuration(a) - highDuration(b));
    if (cheapest) classes.delete(cheapest[0]);
  };

  return {
    renew(costClass) {
      forgetOld();
      const known = classes.get(costClass);
      if (known) known.usedAt = now();
      return known !== undefined;
    },
    add(costClass, milliseconds) {
      const durations = [...(classes.get(costClass)?.durations ?? []), milliseconds];
      classes.set(costClass, { durations: durations.slice(-keptDurations), usedAt: now() });
      if (classes.size > maxClasses) forgetCheapest();
    },
    delay(milliseconds, signal) {
      if (classes.size === 0 || hasEnded || signal?.aborted) return undefined;
      const remainingMs = sufficientMs() - milliseconds;
      return remainingMs > 0 ? wait(remainingMs, delayed, signal) : undefined;
    },
    end() {
      hasEnded = true;
      for (const stop of delayed) stop();
    },
  };
}

/** The second longest duration: more than nearly all others, and no single interruption. */
function highDuration({ durations }: CostClass): number {
  const [longest = 0, second = longest] = durations.toSorted((a, b) => b - a);
  return second;
}

function wait(
  milliseconds: number,
  delayed: Set<() => void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  const timer = setTimeout(stop, milliseconds);
  signal?.addEventListener('abort', stop, { once: true });
  delayed.add(stop);
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    delayed.delete(stop);
  });
}
