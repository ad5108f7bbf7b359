/** Waiting for what comes about by itself. */
import { setTimeout as sleep } from 'node:timers/promises';

const pauseMilliseconds = 10;

/** Asks again and again until the answer is yes; answers the milliseconds that it took. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMilliseconds = 10_000,
): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > limitMilliseconds) {
      throw new Error(`still not so after ${limitMilliseconds} ms: ${condition}`);
    }
    await sleep(pauseMilliseconds);
  }
  return performance.now() - start;
}
