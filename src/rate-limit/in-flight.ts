/**
 * Attempts of this process whose outcome is not known yet, by bucket. An attempt that finds a bucket
 * exhausted waits here while others of the same bucket are in flight: they may be refunded.
 */
import type { Refusal } from './store.ts';

type Wake = (refusal: Refusal | undefined) => void;

export interface InFlight {
  begin(keys: readonly string[]): void;
  /** After each that ends, one of those that wait for its buckets may try again. */
  end(keys: readonly string[]): void;
  /** A refused attempt is no longer in flight. Were it the last one, all that wait are refused too. */
  refuse(keys: readonly string[], refusal: Refusal): void;
  has(key: string): boolean;
  /**
   * Waits for attempts in flight of the bucket. Resolves to nothing when it is worth trying again, else to
   * the refusal. Undefined when none is in flight, or `mostWaiting` wait already.
   */
  wait(key: string, mostWaiting: number): Promise<Refusal | undefined> | undefined;
}

export function createInFlight(): InFlight {
  const counts = new Map<string, number>();
  const waiting = new Map<string, Wake[]>();

  /** @returns how many of the bucket are left in flight */
  const leave = (key: string): number => {
    const left = (counts.get(key) ?? 0) - 1;
    if (left > 0) counts.set(key, left);
    else counts.delete(key);
    return left;
  };

  const wake = (key: string, most: number, refusal?: Refusal): void => {
    const queue = waiting.get(key) ?? [];
    const woken = queue.splice(0, most);
    if (queue.length === 0) waiting.delete(key);
    for (const each of woken) each(refusal);
  };

  return {
    begin(keys) {
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    end(keys) {
      for (const key of keys) {
        leave(key);
        wake(key, 1);
      }
    },
    refuse(keys, refusal) {
      for (const key of keys) {
        if (leave(key) > 0) continue; // those that are left wake others when they end
        if (key === refusal.key) wake(key, Number.POSITIVE_INFINITY, refusal);
        else wake(key, 1);
      }
    },
    has: (key) => counts.has(key),
    wait(key, mostWaiting) {
      const queue = waiting.get(key) ?? [];
      if (!counts.has(key) || queue.length >= mostWaiting) return undefined;
      waiting.set(key, queue);
      return new Promise((resolve) => queue.push(resolve));
    },
  };
}
