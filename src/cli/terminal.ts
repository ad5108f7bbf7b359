/**
 * The parts of a process that a command uses: its streams, its environment, its exit code. `process`
 * is one; a program that runs a command inside itself passes another.
 */
import type { Readable, Writable } from 'node:stream';
import { printableLines } from '../core/printable.ts';

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
export function say({ stdout }: Terminal, line: string): void {
  stdout.write(`${showable(line)}\n`);
}

/** Writes a line about an error, or about something worth knowing beside the result. */
export function complain({ stderr }: Terminal, line: string): void {
  stderr.write(`${printableLines(line)}\n`);
}
