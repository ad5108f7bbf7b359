/** Signals that end a process: the first one begins a graceful shutdown, the second one ends it at once. */

const endSignals = ['SIGTERM', 'SIGINT'] as const;

export type EndSignal = (typeof endSignals)[number];

/** npm passes on the Ctrl-C that the terminal has sent to the whole group: the same one twice. */
const echoMilliseconds = 500;

/** Resolves with the first signal; a second one calls `endNow`, unless it is an echo of the first. */
export function untilSignalled(
  endNow: (signal: EndSignal) => void = endBySignal,
): Promise<EndSignal> {
  return new Promise((resolve) => {
    let first: { readonly signal: EndSignal; readonly at: number } | undefined;
    const onSignal = (signal: EndSignal) => {
      if (first === undefined) {
        first = { signal, at: performance.now() };
        resolve(signal);
        return;
      }
      const isEcho = signal === first.signal && performance.now() - first.at < echoMilliseconds;
      if (!isEcho) endNow(signal);
    };
    for (const signal of endSignals) process.on(signal, () => onSignal(signal));
  });
}

/** Ends this process as the signal does where nothing handles it. */
export function endBySignal(signal: EndSignal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
