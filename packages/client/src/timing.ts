/** Durations that neither a wrong clock nor a sleeping computer falsifies, and waiting that can be aborted. */

/**
 * Measures milliseconds from now. The clock of the machine may be set back, and the monotonic clock may stop while the
 * computer sleeps: the larger difference counts.
 */
export function startStopwatch(): () => number {
  const [wall, monotonic] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - monotonic);
}

/** A timer that does not keep a process of Node.js running. */
export function startTimer(task: () => void, milliseconds: number): () => void {
  const timer: unknown = setTimeout(task, milliseconds);
  if (typeof timer === 'object') unref(timer);
  return () => clearTimeout(timer as number); // as: the type is another one in Node.js
}

/** Does not keep a process of Node.js running for a timer or a channel. */
export function unref(handle: object | null): void {
  if (handle && 'unref' in handle && typeof handle.unref === 'function') handle.unref();
}

/** Waits for a shared result. The signal ends this waiting, and not the work. */
export function abortable<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return shared;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}
