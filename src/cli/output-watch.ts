/**
 * Notices that the output could not be written, at once or later. A reader that has gone away (EPIPE,
 * as with `| head -1`) is no error; a full disk is one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { complain, type Output, type Terminal } from './terminal.ts';

/** Streams that have failed. The standard streams of a process do not tell that of themselves. */
const broken = new WeakSet<Output>();

export interface OutputWatch {
  /** Waits until everything is written; returns whether that failed for another reason than EPIPE. */
  hasFailed(): Promise<boolean>;
}

/** Watches standard output from now on, and reports the first failure on standard error. */
export function watchOutput(terminal: Terminal): OutputWatch {
  const { stdout, stderr } = terminal;
  let hasFailed = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (broken.has(stdout)) return;
    broken.add(stdout);
    if (error.code === 'EPIPE') return;
    hasFailed = true;
    complain(terminal, `The output could not be written: ${error.message}`);
  });
  // Without a listener a failure there would end the process before the command has finished.
  stderr.on('error', () => undefined);
  return {
    async hasFailed() {
      await new Promise<void>((resolve) => stdout.write('', () => resolve()));
      await nextTurn(); // the event comes after the callback
      return hasFailed;
    },
  };
}

/** Whether what is written there still arrives, as far as writing has shown. */
export function isWritable({ stdout }: Terminal): boolean {
  return !broken.has(stdout);
}
