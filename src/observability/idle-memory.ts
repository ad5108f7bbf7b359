/**
 * Gives memory back to the system while there is nothing to do: what starting took, later what a rush
 * took. V8 keeps it otherwise, in an idle server more than a quarter of what the process holds.
 */
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Idle is who had so little to do, as a share of the time, for so many milliseconds. */
const idleShare = 0.05;
const idleMilliseconds = 5000;

/**
 * Collects once in each idle time. That takes a tenth of a second, in which nothing is answered: less
 * than any collection while there is much to do.
 */
export function returnMemoryWhenIdle(milliseconds = idleMilliseconds): Disposable {
  const collect = exposedCollector();
  let isDue = true;
  let before = performance.eventLoopUtilization();
  const looking = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    if (utilization > idleShare) isDue = true;
    else if (isDue) {
      isDue = false;
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    }
    before = performance.eventLoopUtilization();
  }, milliseconds);
  looking.unref();
  return { [Symbol.dispose]: () => clearInterval(looking) };
}

function exposedCollector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction; // as long as it is exposed
  setFlagsFromString('--no-expose-gc');
  return collect;
}
