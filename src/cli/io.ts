/**
 * The process that a command runs in: its streams, environment, exit code and signals. `process` is a
 * `Terminal`; tests pass another one.
 */
import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeUtf8, EncodingError, printableLines } from '../core/text.ts';
import { UsageError } from './errors.ts';

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  /** 0 done, 1 refused or failed, 2 wrong usage or configuration, 130 interrupted. */
  exitCode?: number | string | null | undefined;
}

export type Output = Writable & {
  readonly isTTY?: boolean;
  /** Width of a terminal, in cells. */
  readonly columns?: number;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape codes of colors
const colorCodes = /(\u001b\[[\d;]*m)/;

/** The text without control characters. The color codes of `colorize` stay. */
function printableWithColors(text: string): string {
  const segments = text.split(colorCodes); // every second one is a color code
  return segments
    .map((segment, index) => (index % 2 === 1 ? segment : printableLines(segment)))
    .join('');
}

/** Writes a line of the result to standard output. `watchOutput` reports a failure. */
export function printLine({ stdout }: Terminal, line: string): void {
  stdout.write(`${printableWithColors(line)}\n`);
}

/** Writes an error, or a hint that is not part of the result, to standard error. */
export function printError({ stderr }: Terminal, line: string): void {
  stderr.write(`${printableLines(line)}\n`);
}

/** Streams with a failed write: the standard streams of a process do not expose their failure. */
const failedOutputs = new WeakSet<Output>();

export interface OutputWatch {
  /** Waits until everything is written; true after a failure other than EPIPE. */
  hasFailed(): Promise<boolean>;
}

/** Watches standard output from now on, and reports its first failure on standard error. */
export function watchOutput(terminal: Terminal): OutputWatch {
  const { stdout, stderr } = terminal;
  let hasFailed = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (failedOutputs.has(stdout)) return;
    failedOutputs.add(stdout);
    if (error.code === 'EPIPE') return;
    hasFailed = true;
    printError(terminal, `The output could not be written: ${error.message}`);
  });
  // Without a listener a failed write to standard error would end the process before the command is done.
  stderr.on('error', () => undefined);
  return {
    async hasFailed() {
      await new Promise<void>((resolve) => stdout.write('', () => resolve()));
      await nextTurn(); // the error event follows the callback
      return hasFailed;
    },
  };
}

/** Whether standard output has had no failed write. */
export function isWritable({ stdout }: Terminal): boolean {
  return !failedOutputs.has(stdout);
}

/** Reads standard input to its end. */
export async function readAll(stdin: Terminal['stdin']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** @throws UsageError for bytes that are not UTF-8; `source` begins its message */
export function decodeInput(source: string, bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw error instanceof EncodingError ? new UsageError(`${source} ${error.message}.`) : error;
  }
}

export interface Progress extends Disposable {
  show(done: number, total: number): void;
}

const firstDrawDelayMs = 500;
const redrawIntervalMs = 100;
const barWidth = 30;

/** A progress bar on standard error, for long work at a terminal. Its disposal erases it. */
export function createProgress(label: string, stderr: Output): Progress {
  let nextDrawAt = Date.now() + firstDrawDelayMs;
  let isShown = false;
  return {
    show(done, total) {
      if (!isProgressVisible(stderr) || Date.now() < nextDrawAt) return;
      nextDrawAt = Date.now() + redrawIntervalMs;
      isShown = true;
      stderr.write(`\r${label} ${progressBar(done, total)} ${done}/${total}`);
    },
    [Symbol.dispose]() {
      if (isShown) stderr.write('\r\x1b[K');
    },
  };
}

export function isProgressVisible(stderr: Output): boolean {
  return stderr.isTTY === true;
}

function progressBar(done: number, total: number): string {
  const filled = total === 0 ? barWidth : Math.min(barWidth, Math.floor((barWidth * done) / total));
  return `[${'#'.repeat(filled)}${' '.repeat(barWidth - filled)}]`;
}

export const endSignals = ['SIGTERM', 'SIGINT'] as const;

export type EndSignal = (typeof endSignals)[number];

/** npm forwards the Ctrl-C that the terminal sent to the whole process group: the signal arrives twice. */
const duplicateSignalMs = 500;

/**
 * Resolves with the first signal. A second signal calls `endNow`, unless it duplicates the first one.
 *
 * @param ended stops listening
 */
export function untilSignalled(
  endNow: (signal: EndSignal) => void = endBySignal,
  ended?: AbortSignal,
): Promise<EndSignal> {
  return new Promise((resolve) => {
    let first: { readonly signal: EndSignal; readonly at: number } | undefined;
    const onSignal = (signal: EndSignal) => {
      if (first === undefined) {
        first = { signal, at: performance.now() };
        resolve(signal);
        return;
      }
      const isDuplicate =
        signal === first.signal && performance.now() - first.at < duplicateSignalMs;
      if (!isDuplicate) endNow(signal);
    };
    for (const signal of endSignals) {
      const listener = () => onSignal(signal);
      process.on(signal, listener);
      ended?.addEventListener('abort', () => process.off(signal, listener));
    }
  });
}

/** Ends this process with the default action of the signal. */
export function endBySignal(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
