/**
 * The command line in the process of the test. It runs everything except the launcher, and needs a
 * fraction of the time of a separate process.
 */
import { rm } from 'node:fs/promises';
import { PassThrough, Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { Terminal } from '../../src/cli/io.ts';
// Imported here, because the import by a command would count for the timeout of the first test.
import '../../src/bootstrap/app-context.ts';
import type { CommandOptions as ProcessOptions } from './command.ts';
import { makeScratchDirectory } from './scratch.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions
  extends Pick<ProcessOptions, 'environment' | 'directory' | 'input'> {
  /** Allows `serve`, which must refuse to start: here it would run until the end of the tests. */
  readonly isRefused?: boolean;
}

/** What `import users` prints on standard error if there is nothing to say: the database, without a password. */
export const databaseLine = /^Database: [^@\n]+\n$/;

/** Runs `gatehouse …args` to its end. */
export async function runCommand(
  args: readonly string[],
  { environment, directory, input = '', isRefused }: CommandOptions,
): Promise<CommandResult> {
  if (args[0] === 'serve' && !args.includes('--help') && !isRefused)
    throw new Error('serve needs a separate process');
  const cwd = directory ?? makeScratchDirectory('cli');
  const [stdout, stderr] = [new TextSink(), new TextSink()];
  const stdin = new PassThrough();
  stdin.end(input);
  const terminal: Terminal = {
    stdin,
    stdout,
    stderr,
    env: environment,
    cwd: () => cwd,
  };
  await runCommandLine(args, terminal);
  if (directory === undefined) await rm(cwd, { recursive: true, force: true });
  return { code: Number(terminal.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
}

/** Collects written text. */
class TextSink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
