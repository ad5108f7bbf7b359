/** Runs PostgreSQL's programs as another user where needed: PostgreSQL does not run as root. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';

/** The user of a program; `undefined` is the user of this process. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

const fallback: RunAs = { uid: 65_534, gid: 65_534 };

/**
 * Under root the owner of an existing cluster, else `nobody`; under other users `undefined`.
 *
 * An existing cluster keeps its owner, so that one start with `sudo` does not lock its user out.
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
  return uid === undefined || gid === undefined ? fallback : { uid: Number(uid), gid: Number(gid) };
}

/**
 * Starts one of PostgreSQL's programs as that user, in that directory.
 *
 * The program does not inherit the environment, which has secrets and may have `PG*` variables.
 * With a uid Node.js also drops the supplementary groups (`setgroups(0)` in libuv).
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

interface ExitResult {
  /** The exit status, the name of a signal, or the reason why the program could not be started. */
  readonly status: number | string;
  /** What the program printed on both streams. */
  readonly output: string;
}

/** Waits until a program ends and collects its output; never rejects. */
export function waitForExit(child: ChildProcess): Promise<ExitResult> {
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
 * The path of a cluster as an argument of a program whose working directory it is.
 *
 * The link is valid before and after PostgreSQL's own chdir and needs no permission on the parent directories,
 * so `nobody` can serve a cluster inside a directory of root with mode 700.
 */
export function clusterArgument(cluster: string): string {
  return process.platform === 'linux' ? '/proc/self/cwd' : cluster;
}
