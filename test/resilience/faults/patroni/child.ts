/** A child process that runs as another user and writes its own log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface Child {
  readonly pid: number;
  readonly isRunning: () => boolean;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface ChildOptions {
  readonly uid: number;
  readonly gid: number;
  /** File for its output. */
  readonly log: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A process that is still running after this time is killed. */
const killMilliseconds = 10_000;

export function startChild(
  [program, ...args]: readonly [string, ...string[]],
  { uid, gid, log, environment }: ChildOptions,
): Child {
  const output = openSync(log, 'a');
  const child = spawn(program, args, {
    uid,
    gid,
    cwd: '/',
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...environment },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = endOf(child);
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    isRunning,
    async end(signal) {
      if (!isRunning()) return;
      child.kill(signal);
      const killTimer = setTimeout(() => child.kill('SIGKILL'), killMilliseconds);
      await ended;
      clearTimeout(killTimer);
    },
  };
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}
