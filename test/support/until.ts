/** Waits for a condition. */
import { setTimeout as sleep } from 'node:timers/promises';

const pauseMilliseconds = 10;

/** Checks a condition repeatedly until it is true; returns the waiting time in milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMilliseconds = 20_000,
): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > limitMilliseconds) {
      throw new Error(`the condition is still false after ${limitMilliseconds} ms: ${condition}`);
    }
    await sleep(pauseMilliseconds);
  }
  return performance.now() - start;
}
