/**
 * Attempts in flight of this process, by bucket. An attempt on an exhausted bucket waits while other
 * attempts of the bucket are in flight, because they may be refunded.
 */
import type { Refusal } from './store.ts';

type Wake = (refusal: Refusal | undefined) => void;

export interface InFlight {
  begin(keys: readonly string[]): void;
  /** Ends an attempt. One waiting attempt of each of its buckets tries again. */
  end(keys: readonly string[]): void;
  /** Ends a refused attempt. If it was the last in flight, all waiting attempts are refused. */
  refuse(keys: readonly string[], refusal: Refusal): void;
  has(key: string): boolean;
  /**
   * Waits for the attempts in flight of the bucket. Resolves to undefined to try again, otherwise to the
   * refusal. Returns undefined when none is in flight or `maxWaiting` attempts wait already.
   */
  wait(key: string, maxWaiting: number): Promise<Refusal | undefined> | undefined;
}

export function createInFlight(): InFlight {
  const counts = new Map<string, number>();
  const waiting = new Map<string, Wake[]>();

  /** @returns the number of remaining attempts in flight of the bucket */
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
        if (leave(key) > 0) continue; // the remaining attempts wake others when they end
        if (key === refusal.key) wake(key, Number.POSITIVE_INFINITY, refusal);
        else wake(key, 1);
      }
    },
    has: (key) => counts.has(key),
    wait(key, maxWaiting) {
      const queue = waiting.get(key) ?? [];
      if (!counts.has(key) || queue.length >= maxWaiting) return undefined;
      waiting.set(key, queue);
      return new Promise((resolve) => queue.push(resolve));
    },
  };
}
