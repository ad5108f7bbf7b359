/** Whether this process's event loop has had hardly any time to spare of late. */
import { performance } from 'node:perf_hooks';

const spanMilliseconds = 250;
/** Of the time, spent working. */
const busyShare = 0.9;

/** Looked at when asked, over a quarter of a second or more. */
export function createEventLoopMonitor(): () => boolean {
  let before = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let isPressed = false;
  return () => {
    const now = performance.now();
    if (now - lookedAt < spanMilliseconds) return isPressed;
    isPressed = performance.eventLoopUtilization(before).utilization > busyShare;
    before = performance.eventLoopUtilization();
    lookedAt = now;
    return isPressed;
  };
}
