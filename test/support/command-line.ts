/**
 * The command line as an operator has it, but in the test's process: all of it except the launcher, in
 * a fraction of the time that a process takes to load.
 */
import { rm } from 'node:fs/promises';
import { PassThrough, Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { Terminal } from '../../src/cli/io.ts';
// Commands load it when they need it; here that would be in the time of whatever test is first.
import '../../src/bootstrap/app-context.ts';
import type { CommandOptions as ProcessOptions } from './command.ts';
import { makeScratchDirectory } from './scratch.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type CommandOptions = Pick<ProcessOptions, 'environment' | 'directory' | 'input'>;

/** Runs `gatehouse …args` to its end. */
export async function runCommand(
  args: readonly string[],
  { environment, directory, input = '' }: CommandOptions,
): Promise<CommandResult> {
  if (args[0] === 'serve' && !args.includes('--help'))
    throw new Error('serve takes a process of its own');
  const cwd = directory ?? makeScratchDirectory('cli');
  const [stdout, stderr] = [new Sheet(), new Sheet()];
  const stdin = new PassThrough();
  stdin.end(input);
  const terminal: Terminal = { stdin, stdout, stderr, env: environment, cwd: () => cwd };
  await runCommandLine(args, terminal);
  if (directory === undefined) await rm(cwd, { recursive: true, force: true });
  return { code: Number(terminal.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
}

/** Keeps what is written on it. */
class Sheet extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
