/** Starts, stops and finds the server of a cluster. The caller holds the file lock. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPaths, undefinedIfMissing } from './paths.ts';
import { clusterArgument, spawnAs, waitForExit } from './process.ts';
import type { Programs } from './programs.ts';

const pollMs = 20;
const loopback = '127.0.0.1';

/** The caller's settings override these. The log must not contain statements, values or details that clients sent. */
const defaults = {
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  cluster_name: 'gatehouse',
  log_checkpoints: 'off',
  // Excludes level ERROR, which is below LOG here: errors of statements quote values, and the client gets them.
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_min_duration_statement: '-1',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
} as const satisfies Readonly<Record<string, string>>;

/** Causes that can disappear: another program uses the port, processes of a killed server still run, or another program starts the server. */
const temporaryFailurePattern =
  /could not create any TCP\/IP sockets|still in use|lock file .* already exists/;
/** The server was killed or stopped from outside. */
const temporaryStatuses: ReadonlySet<number | string> = new Set(['SIGKILL', 0]);

interface StartOptions {
  readonly settings: Readonly<Record<string, string>>;
  /** Used if it is free, so that clients of a crashed server can reconnect. */
  readonly preferredPort: number | undefined;
  /** The pid in a stale `postmaster.pid`, which PostgreSQL has to ignore. */
  readonly stalePid: number | undefined;
  /** Stops waiting for the server. The server itself continues its start and its recovery. */
  readonly signal: AbortSignal;
}

/**
 * Starts the server at a free port of 127.0.0.1, in a session of its own, and waits until it is ready.
 *
 * Returns the reason when the start failed temporarily and should be tried again, else undefined.
 * @throws Error with the last lines of the log when the server cannot start
 */
export async function startPostgres(
  paths: EmbeddedPaths,
  programs: Programs,
  options: StartOptions,
): Promise<string | undefined> {
  await using log = await openLog(paths);
  const { size: logStart } = await log.stat();
  const child = spawnAs(programs.runAs, await commandLine(paths, programs, options), {
    cwd: paths.cluster,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: staleEnvironment(options.stalePid),
  });
  child.unref();
  const exit = waitForExit(child);
  while (isAlive(child) && !options.signal.aborted) {
    if ((await findPostmaster(paths.cluster)).state === 'ready') return undefined;
    await sleep(pollMs);
  }
  const quote = await quoteLog(paths, logStart);
  if (isAlive(child)) return `it is not ready yet\n${quote}`;
  return temporaryFailure((await exit).status, quote, paths);
}

/** Returns a temporary failure as text, and throws a permanent one. */
function temporaryFailure(
  status: number | string,
  quote: string,
  { logFile }: EmbeddedPaths,
): string {
  if (temporaryStatuses.has(status) || temporaryFailurePattern.test(quote))
    return `it ended (${status})\n${quote}`;
  throw new Error(
    `The embedded PostgreSQL could not be started (${status}).\n${quote}\n` +
      `The whole log is ${logFile}. Remove the cause, or set DATABASE_URL to a PostgreSQL server.`,
  );
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/**
 * PostgreSQL does not start while the pid of a lock file is alive, unless it is that of its parent or grandparent
 * process. A stale pid may belong to another program, so we declare it the grandparent.
 */
function staleEnvironment(stalePid: number | undefined): Record<string, string> {
  return stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) };
}

async function commandLine(
  paths: EmbeddedPaths,
  programs: Programs,
  options: StartOptions,
): Promise<[string, ...string[]]> {
  const settings = {
    ...defaults,
    ...options.settings,
    listen_addresses: loopback,
    unix_socket_directories: '',
    port: String(await freePort(options.preferredPort)),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return [
    join(programs.directory, 'bin', 'postgres'),
    '-D',
    clusterArgument(paths.cluster),
    ...flags,
  ];
}

async function freePort(preferred: number | undefined): Promise<number> {
  const free = preferred === undefined ? undefined : await tryPort(preferred);
  const port = free ?? (await tryPort(0));
  if (port === undefined) throw new Error(`There is no free port on ${loopback}`);
  return port;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: loopback }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

/**
 * Stops the server with a fast shutdown and waits for the end of its process.
 *
 * Returns false when the signal aborts first; then the server is still stopping.
 */
export async function stopPostgres(
  paths: EmbeddedPaths,
  server: { readonly pid: number; readonly port: number },
  signal: AbortSignal,
): Promise<boolean> {
  interrupt(server.pid);
  while (await isServing(server.pid, paths.cluster, server.port)) {
    if (signal.aborted) return false;
    await sleep(pollMs);
  }
  return true;
}

/** SIGINT requests PostgreSQL's fast shutdown. */
function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!isGone) throw error;
  }
}

const maxBytes = 10_000_000;
const quotedBytes = 4_000;
const quotedLines = 15;

/** Opens the log for appending; one that has grown beyond 10 MB becomes `server.log.1`. No server may be writing to it. */
async function openLog({ home, logFile }: EmbeddedPaths): Promise<FileHandle> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > maxBytes) await rename(logFile, `${logFile}.1`);
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = await open(logFile, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  if (process.getuid?.() !== 0) return log;
  // Under sudo the log stays readable for the owner of the directory.
  const owner = await stat(home);
  await log.chown(owner.uid, owner.gid);
  return log;
}

/** The last lines of the log after a position in bytes. */
async function quoteLog({ logFile }: EmbeddedPaths, from: number): Promise<string> {
  await using log = await open(logFile, 'r');
  const { size } = await log.stat();
  const start = Math.max(from, size - quotedBytes);
  const buffer = Buffer.alloc(Math.max(size - start, 0));
  await log.read(buffer, 0, buffer.length, start);
  return buffer.toString('utf8').trim().split('\n').slice(-quotedLines).join('\n');
}

/** State of the server according to `postmaster.pid`: `stale` when a crash left the file, `busy` while starting or stopping. */
export type Postmaster =
  | { readonly state: 'absent' | 'busy' }
  | { readonly state: 'stale' | 'ready'; readonly pid: number; readonly port: number };

/** A postmaster writes its file at once after creating it. A file that stays empty longer is from a crash. */
const unwrittenMs = 2_000;

export async function findPostmaster(cluster: string): Promise<Postmaster> {
  const path = join(cluster, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(undefinedIfMissing);
  if (text === undefined) return { state: 'absent' };
  // Lines: pid, directory, start time, port, socket directory, address, shared memory, status (PostgreSQL's pidfile.h).
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  const port = Number.parseInt(lines[3] ?? '', 10);
  if (!(pid > 0 && port > 0)) return removeUnwritten(path);
  if (!(await isServing(pid, cluster, port))) return { state: 'stale', pid, port };
  return lines[7]?.trim() === 'ready' ? { state: 'ready', pid, port } : { state: 'busy' };
}

/** PostgreSQL does not start while there is an empty file, and does not remove it. */
async function removeUnwritten(path: string): Promise<Postmaster> {
  const found = await stat(path).catch(undefinedIfMissing);
  if (found === undefined) return { state: 'absent' };
  if (Date.now() - found.mtimeMs < unwrittenMs) return { state: 'busy' };
  await rm(path, { force: true });
  return { state: 'absent' };
}

/**
 * Whether the process is a running PostgreSQL of that cluster, not another program that got the pid after a crash.
 *
 * A zombie counts as dead, because in a container it may stay forever.
 */
function isServing(pid: number, cluster: string, port: number): Promise<boolean> {
  return process.platform === 'linux' ? askProc(pid, cluster, port) : askPs(pid, cluster);
}

async function askProc(pid: number, cluster: string, port: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  if (name.trim() !== 'postgres') return false;
  try {
    const found = await stat(`/proc/${pid}/cwd`, { bigint: true });
    const expected = await stat(cluster, { bigint: true });
    return found.ino === expected.ino && found.dev === expected.dev;
  } catch {
    // Root without CAP_SYS_PTRACE, usual in containers, cannot read the working directory of another user's process.
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return line.split('\0').includes(`port=${port}`);
  }
}

async function askPs(pid: number, cluster: string): Promise<boolean> {
  const command = ['ps', '-ww', '-o', 'stat=,command=', '-p', String(pid)] as const;
  const { output } = await waitForExit(spawnAs(undefined, [...command], { cwd: '/' }));
  return !output.startsWith('Z') && output.includes('postgres') && output.includes(cluster);
}
