/**
 * Returns memory to the operating system while the process is idle: the memory of the start, and later that of
 * load peaks. V8 would keep it. It is more than a quarter of the memory of an idle server.
 */
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The process is idle when the utilization of its event loop stays below this for `idleMs`. */
const idleBelow = 0.05;
const idleMs = 5000;

/**
 * Collects garbage once per idle period. The collection blocks the process for a tenth of a second, less than
 * a collection under load.
 */
export function returnMemoryWhenIdle(intervalMs = idleMs): Disposable {
  const collect = exposeCollector();
  let isDue = true;
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    if (utilization > idleBelow) isDue = true;
    else if (isDue) {
      isDue = false;
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    }
    before = performance.eventLoopUtilization();
  }, intervalMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function exposeCollector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction; // exposed by the flag
  setFlagsFromString('--no-expose-gc');
  return collect;
}
