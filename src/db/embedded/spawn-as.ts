/** Runs PostgreSQL's programs as another user, in the cluster's directory, without our environment. What they do is not known here. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { RunAs } from './run-as.ts';

/**
 * Starts one of PostgreSQL's programs as that user, in that directory.
 *
 * The environment is not handed on: it holds our secrets, and `PG*` variables would change the server.
 * With a uid Node also drops the supplementary groups (`setgroups(0)` in libuv).
 */
export function spawnAs(
  runAs: RunAs | undefined,
  command: readonly [program: string, ...args: string[]],
  options: SpawnOptions & { readonly cwd: string },
): ChildProcess {
  const [program, ...args] = command;
  return spawn(program, args, {
    ...options,
    ...runAs,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...options.env },
  });
}

/** What a program printed on both streams, and how it ended: 0 is success, a text a signal or why it could not be started. */
interface Outcome {
  readonly status: number | string;
  readonly output: string;
}

/** Waits for a started program to end, collecting what it prints; never rejects. */
export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: error.message, output }));
    child.once('close', (code, signal) => resolve({ status: code ?? String(signal), output }));
  });
}

/**
 * How PostgreSQL's programs are told of a cluster that is their working directory.
 *
 * The link is valid before and after PostgreSQL's own chdir and needs no right to enter the parents,
 * so a cluster may lie in root's project directory of mode 700 and still be served by `nobody`.
 */
export function clusterArgument(cluster: string): string {
  return process.platform === 'linux' ? '/proc/self/cwd' : cluster;
}
