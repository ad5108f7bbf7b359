/** Starts and stops the server of a cluster. Who needs it is not known here; the caller holds the file lock. */
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Place } from './place.ts';
import { findPostmaster, isServing } from './postmaster.ts';
import type { Programs } from './programs.ts';
import { openLog, quoteLog } from './server-log.ts';
import { clusterArgument, outcomeOf, spawnAs } from './spawn-as.ts';

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
  const outcome = outcomeOf(child);
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
