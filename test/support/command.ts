/** Commands in a separate process with pipes or a pseudo-terminal, for signals, exit codes and prompts. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { TestDatabase } from './database.ts';
import type { MailServer } from './mail-server.ts';
import { makeScratchDirectory } from './scratch.ts';
import { testSecretKey } from './secret-key.ts';

const launcher = fileURLToPath(new URL('../../bin/gatehouse.js', import.meta.url));
/** A command that takes longer is killed, and its result has the signal instead of a code. */
const limitMilliseconds = 60_000;
/** A process that does not end after a signal in that time is killed, and its result has SIGKILL. */
const signalTimeoutMs = 20_000;
const pollMilliseconds = 10;

export type Variables = Readonly<Record<string, string>>;

export interface ProcessResult {
  /** Null if a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** The whole environment of the command; nothing is inherited. */
  readonly environment: Variables;
  /** Working directory; by default a new one that is removed afterwards. */
  readonly directory?: string;
  /** Standard input, which ends after it. */
  readonly input?: string | Buffer;
  readonly limitMilliseconds?: number;
  /** A program that executes the command, such as `env`. */
  readonly wrapper?: readonly string[];
}

export interface RunningCommand {
  readonly pid: number;
  readonly ended: Promise<ProcessResult>;
  /** Standard output and standard error up to now. */
  output(): string;
  /** Waits until standard output or standard error match, and returns the match. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Writes to standard input without ending it. */
  write(text: string): void;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<ProcessResult>;
}

/** Runs `gatehouse …args` to its end. */
export async function spawnCommand(
  args: readonly string[],
  options: CommandOptions,
): Promise<ProcessResult> {
  const command = await startCommand(args, { input: '', ...options });
  return command.ended;
}

/** Starts `gatehouse …args`; its standard input stays open unless `input` is given. */
export async function startCommand(
  args: readonly string[],
  options: CommandOptions,
): Promise<RunningCommand> {
  const [first = '', ...rest] = [...(options.wrapper ?? []), process.execPath, launcher, ...args];
  return start([first, ...rest], options);
}

/** Starts a process and collects its output. No shell is involved. */
async function start(
  [program, ...args]: readonly [string, ...string[]],
  { environment, directory, input, limitMilliseconds: limit = limitMilliseconds }: CommandOptions,
): Promise<RunningCommand> {
  const cwd = directory ?? makeScratchDirectory('cli');
  const child = spawn(program, args, {
    cwd,
    env: environment,
    stdio: 'pipe',
    timeout: limit,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => undefined); // a command can end without reading its input
  if (input !== undefined) child.stdin.end(input);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  let isOver = false;
  const ended = endOf(child).then(async (end): Promise<ProcessResult> => {
    isOver = true;
    if (directory === undefined) await rm(cwd, { recursive: true, force: true });
    return { ...end, ...output };
  });
  const everything = () => output.stdout + output.stderr;
  return {
    pid: child.pid ?? 0,
    ended,
    output: everything,
    waitFor: (pattern) => match(pattern, everything, () => isOver),
    write: (text) => child.stdin.write(text),
    async end(signal) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), signalTimeoutMs);
      return ended.finally(() => clearTimeout(timer));
    },
  };
}

function endOf(child: ChildProcess) {
  return new Promise<Pick<ProcessResult, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

async function match(
  pattern: RegExp,
  output: () => string,
  isOver: () => boolean,
): Promise<RegExpExecArray> {
  for (;;) {
    const isLastCheck = isOver();
    const found = pattern.exec(output());
    if (found) return found;
    if (isLastCheck) throw new Error(`ended without the output ${pattern}:\n${output()}`);
    await sleep(pollMilliseconds);
  }
}

/** The environment of a command with this database and mail server. */
export function environmentOf(database: Pick<TestDatabase, 'url'>, mail?: MailServer): Variables {
  return {
    SECRET_KEY: testSecretKey,
    DATABASE_URL: database.url,
    PUBLIC_URL: 'http://auth.test',
    ...(mail
      ? { EMAIL_HOST: '127.0.0.1', EMAIL_PORT: String(mail.port), EMAIL_USE_TLS: 'False' }
      : {}),
  };
}

export interface RunningServer extends RunningCommand {
  /** Its address, such as `http://127.0.0.1:4000`. */
  readonly address: string;
}

/** Starts `gatehouse serve` on a free port and waits until it listens. */
export async function startServer(
  options: CommandOptions,
  args: readonly string[] = [],
): Promise<RunningServer> {
  const environment = { PORT: '0', ...options.environment };
  const command = await startCommand(['serve', ...args], { ...options, environment });
  const [, address = ''] = await command.waitFor(/listening at (http:\/\/[^\s"]+)/i);
  return { ...command, address };
}

/** A question of a command, and the answer that is typed after it appears. */
export interface Typed {
  readonly when: RegExp;
  /** Without the return key, which is pressed afterwards. */
  readonly type: string;
}

/** A program that provides a pseudo-terminal; undefined if none is installed. */
export function findTerminal(): Terminal | undefined {
  const utilLinux = 'script';
  if (spawnSync(utilLinux, ['--version']).stdout?.includes('util-linux')) {
    return (command) => [utilLinux, '--quiet', '--return', '--command', command, '/dev/null'];
  }
  if (spawnSync('python3', ['-c', 'import pty']).status === 0) {
    const spawnAtTerminal =
      'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", sys.argv[1]])))';
    return (command) => ['python3', '-c', spawnAtTerminal, command];
  }
  return undefined;
}

/** Returns the program and its arguments that run a shell command at a pseudo-terminal. */
export type Terminal = (shellCommand: string) => [string, ...string[]];

export interface TerminalOptions extends CommandOptions {
  readonly typed: readonly Typed[];
  /** A redirection of the shell, such as `>file`. */
  readonly redirection?: string;
}

/**
 * Runs `gatehouse …args` at a terminal, and types each answer after its question appears. `stdout` has
 * everything that the terminal showed.
 */
export async function runAtTerminal(
  terminal: Terminal,
  args: readonly string[],
  options: TerminalOptions,
): Promise<ProcessResult> {
  const words = [process.execPath, launcher, ...args].map((word) => `'${word}'`);
  const shellCommand = ['exec', ...words, options.redirection ?? ''].join(' ');
  const environment = { PATH: process.env.PATH ?? '', TERM: 'xterm', ...options.environment };
  const command = await start(terminal(shellCommand), { ...options, environment });
  for (const { when, type } of options.typed) {
    await command.waitFor(when);
    command.write(`${type}\r`);
  }
  const result = await command.ended;
  return { ...result, stdout: stripVTControlCharacters(result.stdout) };
}
