/** Whom PostgreSQL runs as. PostgreSQL refuses root, so root hands it to `nobody`; anyone else runs it as themselves. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';

/** A user other than the caller; `undefined` stands for the caller. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

const FALLBACK: RunAs = { uid: 65_534, gid: 65_534 };

/**
 * Says whom PostgreSQL runs as: for root the owner of an existing cluster, else `nobody`; for others `undefined`.
 *
 * An existing cluster keeps its owner, so that one `sudo` does not take it from its user.
 */
export async function chooseRunAs(cluster: string): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return nobody();
}

async function nobody(): Promise<RunAs> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return uid === undefined || gid === undefined ? FALLBACK : { uid: Number(uid), gid: Number(gid) };
}

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
interface OperationLabels {
  readonly status: number | string;
  readonly output: string;
}

/** Waits for a started program to end, collecting what it prints; never rejects. */
export function labelsOf(child: ChildProcess): Promise<OperationLabels> {
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
