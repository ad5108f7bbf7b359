/** Measures whether the event loop of this process is overloaded. */
import { performance } from 'node:perf_hooks';

const windowMs = 250;
/** Utilization above which the event loop is overloaded. */
const overloadedAbove = 0.9;

/** @returns a function that measures when called, over a window of at least `windowMs` */
export function createEventLoopMonitor(): () => boolean {
  let before = performance.eventLoopUtilization();
  let measuredAt = performance.now();
  let isOverloaded = false;
  return () => {
    const now = performance.now();
    if (now - measuredAt < windowMs) return isOverloaded;
    isOverloaded = performance.eventLoopUtilization(before).utilization > overloadedAbove;
    before = performance.eventLoopUtilization();
    measuredAt = now;
    return isOverloaded;
  };
}
