/**
 * The parts of a process that a command uses: its streams, its environment, its exit code. `process`
 * is one; a program that runs a command inside itself passes another.
 */
import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeUtf8, EncodingError, printableLines } from '../core/text.ts';
import { UsageError } from './usage.ts';

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  /** How the command ended: 0 or nothing done, 1 refused, 2 wrong usage, 130 interrupted. */
  exitCode?: number | string | null | undefined;
}

export type Output = Writable & {
  readonly isTTY?: boolean;
  /** Width in cells, of a terminal. */
  readonly columns?: number;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape codes of colours
const styles = /(\u001b\[[\d;]*m)/;

/** The lines without control characters, but with the colours of `paint`. */
function showable(text: string): string {
  const parts = text.split(styles); // every second one is a style
  return parts.map((part, at) => (at % 2 === 1 ? part : printableLines(part))).join('');
}

/** Writes a line of the result. A failure is noticed by `watchOutput`. */
export function printLine({ stdout }: Terminal, line: string): void {
  stdout.write(`${showable(line)}\n`);
}

/** Writes a line about an error, or about something worth knowing beside the result. */
export function printError({ stderr }: Terminal, line: string): void {
  stderr.write(`${printableLines(line)}\n`);
}

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
    printError(terminal, `The output could not be written: ${error.message}`);
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

/** Everything that standard input holds. */
export async function bytesOf(stdin: Terminal['stdin']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** @throws UsageError for bytes that are no UTF-8 */
export function decodeInput(source: string, bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw error instanceof EncodingError ? new UsageError(`${source} ${error.message}.`) : error;
  }
}

/** An answer typed at a terminal, which has replaced bytes of other encodings. @throws UsageError */
export function requireUtf8Answer(answer: string): string {
  if (!answer.includes('\ufffd')) return answer;
  throw new UsageError('The terminal sent text that is not UTF-8: set its encoding to UTF-8.');
}
