/** Starts and stops the server of a cluster. Who needs it is not known here; the caller holds the file lock. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Place, undefinedIfMissing } from './paths.ts';
import { clusterArgument, labelsOf, spawnAs } from './process.ts';
import type { Programs } from './programs.ts';

const POLL_MS = 20;
const ADDRESS = '127.0.0.1';

/** What comes before the settings of the caller. Nothing that a client sent may reach the log: no statements, values or details. */
const DEFAULTS = {
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  cluster_name: 'gatehouse',
  log_checkpoints: 'off',
  // The order is ERROR, LOG, FATAL: errors of statements quote values, and the client is told of them anyway.
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_min_duration_statement: '-1',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
} as const satisfies Readonly<Record<string, string>>;

/** Reasons that pass: a port taken since we looked, processes of a killed server about to end, a server that another program started. */
const PASSING = /could not create any TCP\/IP sockets|still in use|lock file .* already exists/;
/** Killed, or told to stop, by somebody. */
const PASSING_ENDS: ReadonlySet<number | string> = new Set(['SIGKILL', 0]);

/** How to start a server. */
interface StartOptions {
  readonly settings: Readonly<Record<string, string>>;
  /** Taken if it is free, so that whoever used a crashed server finds it again. */
  readonly preferredPort: number | undefined;
  /** The pid in a stale `postmaster.pid`, to be disregarded. */
  readonly stalePid: number | undefined;
  /** Ends the waiting; a server that is still recovering goes on with that. */
  readonly signal: AbortSignal;
}

/**
 * Starts the server at a free port of 127.0.0.1, in a session of its own, and waits until it is ready.
 *
 * Answers how it went wrong when that is for a passing reason and it should be tried again, else nothing.
 * Throws an Error with the log's last lines when it cannot start.
 */
export async function startServer(
  place: Place,
  programs: Programs,
  options: StartOptions,
): Promise<string | undefined> {
  await using log = await openLog(place);
  const { size: logStart } = await log.stat();
  const child = spawnAs(programs.runAs, await commandLine(place, programs, options), {
    cwd: place.cluster,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: staleEnvironment(options.stalePid),
  });
  child.unref();
  const outcome = labelsOf(child);
  while (isAlive(child) && !options.signal.aborted) {
    if ((await findPostmaster(place.cluster)).state === 'ready') return undefined;
    await pause(POLL_MS);
  }
  const quote = await quoteLog(place, logStart);
  if (isAlive(child)) return `it is not ready yet\n${quote}`;
  return judge((await outcome).status, quote, place);
}

/** Answers a passing failure as a text, and throws a lasting one. */
function judge(status: number | string, quote: string, { logFile }: Place): string {
  if (PASSING_ENDS.has(status) || PASSING.test(quote)) return `it ended (${status})\n${quote}`;
  throw new Error(
    `The embedded PostgreSQL could not be started (${status}).\n${quote}\n` +
      `The whole log is ${logFile}. Remove the cause, or set DATABASE_URL to a PostgreSQL server.`,
  );
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** PostgreSQL asks no more of the pid in a lock file than to be alive, unless it is its starter's; so we say that a stranger is that. */
function staleEnvironment(stalePid: number | undefined): Record<string, string> {
  return stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) };
}

async function commandLine(
  place: Place,
  programs: Programs,
  options: StartOptions,
): Promise<[string, ...string[]]> {
  const settings = {
    ...DEFAULTS,
    ...options.settings,
    listen_addresses: ADDRESS,
    unix_socket_directories: '',
    port: String(await freePort(options.preferredPort)),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return [
    join(programs.directory, 'bin', 'postgres'),
    '-D',
    clusterArgument(place.cluster),
    ...flags,
  ];
}

async function freePort(preferred: number | undefined): Promise<number> {
  const kept = preferred === undefined ? undefined : await tryPort(preferred);
  const port = kept ?? (await tryPort(0));
  if (port === undefined) throw new Error(`There is no free port on ${ADDRESS}`);
  return port;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: ADDRESS }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

/**
 * Stops the server: ends its connections, writes everything out, and waits for the process to be gone.
 *
 * Answers whether it is gone; when the signal cuts the waiting short it is still stopping.
 */
export async function stopServer(
  place: Place,
  server: { readonly pid: number; readonly port: number },
  signal: AbortSignal,
): Promise<boolean> {
  interrupt(server.pid);
  while (await isServing(server.pid, place.cluster, server.port)) {
    if (signal.aborted) return false;
    await pause(POLL_MS);
  }
  return true;
}

/** SIGINT is PostgreSQL's fast shutdown. */
function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!isGone) throw error;
  }
}

const MAX_BYTES = 10_000_000;
const QUOTED_BYTES = 4_000;
const QUOTED_LINES = 15;

/** Opens the log for appending; one that has grown beyond 10 MB becomes `server.log.1`. No server may be writing to it. */
async function openLog({ home, logFile }: Place): Promise<FileHandle> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > MAX_BYTES) await rename(logFile, `${logFile}.1`);
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = await open(logFile, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  if (process.getuid?.() !== 0) return log;
  // Under sudo in a user's project, or he could not open it tomorrow.
  const owner = await stat(home);
  await log.chown(owner.uid, owner.gid);
  return log;
}

/** The last lines of the log, from a position in bytes on. */
async function quoteLog({ logFile }: Place, from: number): Promise<string> {
  await using log = await open(logFile, 'r');
  const { size } = await log.stat();
  const start = Math.max(from, size - QUOTED_BYTES);
  const buffer = Buffer.alloc(Math.max(size - start, 0));
  await log.read(buffer, 0, buffer.length, start);
  return buffer.toString('utf8').trim().split('\n').slice(-QUOTED_LINES).join('\n');
}

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
function isServing(pid: number, cluster: string, port: number): Promise<boolean> {
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
  const { output } = await labelsOf(spawnAs(undefined, [...command], { cwd: '/' }));
  return !output.startsWith('Z') && output.includes('postgres') && output.includes(cluster);
}
