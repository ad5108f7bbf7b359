/**
 * What a command has of the process that it runs in: its streams, its environment, its exit code.
 * `process` is one; whoever runs a command within another program hands in something else.
 */
import { Console } from 'node:console';
import type { Readable, Writable } from 'node:stream';

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  /** How the command ended: 0 or nothing done, 1 refused, 2 wrong usage. */
  exitCode?: number | string | null | undefined;
}

export type Output = Writable & { readonly isTTY?: boolean };

/** A line of the result. A reader who has gone away is no error. */
export function say({ stdout, stderr }: Terminal, line: string): void {
  new Console(stdout, stderr).log('%s', line);
}

/** A line about what went wrong, or is worth knowing beside the result. */
export function complain({ stdout, stderr }: Terminal, line: string): void {
  new Console(stdout, stderr).error('%s', line);
}
