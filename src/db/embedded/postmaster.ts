/** Tells whether a cluster is being served, from `postmaster.pid` and the processes of this machine. Starts and stops nothing. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { undefinedIfMissing } from './missing-file.ts';
import { outcomeOf, spawnAs } from './spawn-as.ts';

/** What `postmaster.pid` says, and whether it is true: `stale` when a crash left it behind, `busy` while starting or stopping. */
export type Postmaster =
  | { readonly state: 'absent' | 'busy' }
  | { readonly state: 'stale' | 'ready'; readonly pid: number; readonly port: number };

/** A postmaster writes its file within moments of making it; one without content for longer is from a crash. */
const UNWRITTEN_MS = 2_000;

/** Finds the postmaster of a cluster. */
export async function findPostmaster(cluster: string): Promise<Postmaster> {
  const path = join(cluster, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(undefinedIfMissing);
  if (text === undefined) return { state: 'absent' };
  // Its lines: pid, directory, start time, port, socket directory, address, shared memory, status (PostgreSQL's pidfile.h).
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  const port = Number.parseInt(lines[3] ?? '', 10);
  if (!(pid > 0 && port > 0)) return forgetUnwritten(path);
  if (!(await isServing(pid, cluster, port))) return { state: 'stale', pid, port };
  return lines[7]?.trim() === 'ready' ? { state: 'ready', pid, port } : { state: 'busy' };
}

/** PostgreSQL refuses to start over a file without content, and leaves the removing to us. */
async function forgetUnwritten(path: string): Promise<Postmaster> {
  const found = await stat(path).catch(undefinedIfMissing);
  if (found === undefined) return { state: 'absent' };
  if (Date.now() - found.mtimeMs < UNWRITTEN_MS) return { state: 'busy' };
  await rm(path, { force: true });
  return { state: 'absent' };
}

/**
 * Says whether a process is a living PostgreSQL of that cluster, not a stranger who got the pid after a crash.
 *
 * A zombie counts as dead: in a container nobody may ever collect it.
 */
export function isServing(pid: number, cluster: string, port: number): Promise<boolean> {
  return process.platform === 'linux' ? askProc(pid, cluster, port) : askPs(pid, cluster);
}

async function askProc(pid: number, cluster: string, port: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  if (name.trim() !== 'postgres') return false;
  try {
    const there = await stat(`/proc/${pid}/cwd`, { bigint: true });
    const here = await stat(cluster, { bigint: true });
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    // Root without CAP_SYS_PTRACE, usual in containers, may not look at the directory of nobody's process.
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return line.split('\0').includes(`port=${port}`);
  }
}

async function askPs(pid: number, cluster: string): Promise<boolean> {
  const command = ['ps', '-ww', '-o', 'stat=,command=', '-p', String(pid)] as const;
  const { output } = await outcomeOf(spawnAs(undefined, [...command], { cwd: '/' }));
  return !output.startsWith('Z') && output.includes('postgres') && output.includes(cluster);
}
