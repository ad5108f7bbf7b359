/**
 * Shares one server between processes: the first lease starts it, the release of the last one stops it.
 * Acquiring and releasing hold the file lock, so that no process sees an unfinished start or stop.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCluster } from './cluster.ts';
import { withFileLock } from './file-lock.ts';
import { connect, disconnect, isLastLease, type Lease, takeLease } from './lease.ts';
import type { EmbeddedPaths } from './paths.ts';
import { chooseRunAs } from './process.ts';
import { findPrograms, type Programs } from './programs.ts';
import { findPostmaster, type Postmaster, startPostgres, stopPostgres } from './server.ts';

const pollMs = 20;
/** The pause after a start that failed for a temporary reason. It keeps the log short. */
const retryStartMs = 200;
const acquireLimitMs = 30_000;
const stopLimitMs = 30_000;
/** The limit exceeds the longest work under the lock: creating a cluster on a slow disk. */
const lockLimitMs = 150_000;
/** This limit is shorter, because the process is ending. The next release stops a server that still runs. */
const exitLockLimitMs = 10_000;
const firstReacquireMs = 20;
const maxReacquireMs = 5_000;

export interface CoordinatorOptions {
  readonly paths: EmbeddedPaths;
  /** PostgreSQL's settings for a server that this process starts. */
  readonly settings: Readonly<Record<string, string>>;
  readonly onNotice: (text: string) => void;
}

/** A lease that is acquired again after the server was lost, until it is released. */
export interface HeldLease {
  readonly port: number;
  /** Idempotent. */
  release(): Promise<void>;
}

export async function holdLease(options: CoordinatorOptions): Promise<HeldLease> {
  const releasing = new AbortController();
  const { signal } = releasing;
  let lease = await acquire(options, signal);
  const { port } = lease;
  const released = once(signal, 'abort').then(() => false);

  const reacquireWhenLost = async (): Promise<void> => {
    while (await Promise.race([released, lease.ended.then(() => true)])) {
      lease = (await reacquire(options, port, signal)) ?? lease;
    }
  };
  const watching = reacquireWhenLost();
  const releaseOnce = async (): Promise<void> => {
    releasing.abort();
    await watching;
    await release(options, lease);
  };
  let done: Promise<void> | undefined;
  return {
    port,
    release: () => {
      done ??= releaseOnce();
      return done;
    },
  };
}

/** Tries again without a limit; undefined when the signal aborts meanwhile. */
async function reacquire(
  options: CoordinatorOptions,
  port: number,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const { onNotice } = options;
  let waitMs = firstReacquireMs;
  while (!signal.aborted) {
    try {
      const lease = await acquire(options, signal, port);
      if (lease.port !== port) onNotice(movedNotice(port, lease.port));
      return lease;
    } catch (error) {
      if (!signal.aborted) onNotice(`The embedded PostgreSQL is unreachable. ${error}`);
    }
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    waitMs = Math.min(2 * waitMs, maxReacquireMs);
  }
  return undefined;
}

function movedNotice(from: number, to: number): string {
  return `The embedded PostgreSQL was started again at port ${to} instead of ${from}: restart this process.`;
}

/** Starts the server if it does not run, at `preferredPort` if that is free. */
function acquire(
  options: CoordinatorOptions,
  signal: AbortSignal,
  preferredPort?: number,
): Promise<Lease> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(lockLimitMs)]);
  return withFileLock(options.paths.lockFile, limit, () =>
    acquireLocked(options, signal, preferredPort),
  );
}

async function acquireLocked(
  options: CoordinatorOptions,
  releasing: AbortSignal,
  preferredPort: number | undefined,
): Promise<Lease> {
  const { paths } = options;
  const { state } = await findPostmaster(paths.cluster);
  const programs = state === 'ready' ? undefined : await setUp(options);
  // The limit begins here, because creating a cluster may take long on a slow disk.
  const signal = AbortSignal.any([releasing, AbortSignal.timeout(acquireLimitMs)]);
  let reason = 'it did not answer';
  while (!signal.aborted) {
    const found = await findPostmaster(paths.cluster);
    const result =
      found.state === 'ready'
        ? await takeLease(found.port, await readPassword(paths))
        : await bringUp(options, found, { programs, preferredPort, signal });
    if (typeof result !== 'string') return result;
    reason = result;
    await sleep(pollMs);
  }
  throw new Error(
    `The embedded PostgreSQL could not be reached in ${acquireLimitMs / 1000} seconds: ${reason}\n` +
      `See ${paths.logFile}; if it is still recovering, wait and start gatehouse again.`,
  );
}

async function setUp({ paths, settings }: CoordinatorOptions): Promise<Programs> {
  const programs = await findPrograms(await chooseRunAs(paths.cluster), paths.dataDirectory);
  await ensureCluster(paths, programs, settings.fsync !== 'off');
  return programs;
}

/** One step towards a server that is ready; returns the state as text. */
async function bringUp(
  options: CoordinatorOptions,
  found: Postmaster,
  how: {
    readonly programs: Programs | undefined;
    readonly preferredPort: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  if (found.state === 'busy') return 'it is starting or stopping';
  const stale = found.state === 'stale' ? found : undefined;
  const failure = await startPostgres(options.paths, how.programs ?? (await setUp(options)), {
    settings: options.settings,
    preferredPort: how.preferredPort ?? stale?.port,
    stalePid: stale?.pid,
    signal: how.signal,
  });
  if (failure === undefined) return 'it has been started';
  await sleep(retryStartMs);
  return failure;
}

/** Stops the server after the last lease. */
function release(options: CoordinatorOptions, lease: Lease): Promise<void> {
  const limit = AbortSignal.timeout(exitLockLimitMs);
  const released = withFileLock(options.paths.lockFile, limit, () => releaseLocked(options, lease));
  return released.finally(() => disconnect(lease));
}

async function releaseLocked({ paths, onNotice }: CoordinatorOptions, lease: Lease): Promise<void> {
  const found = await findPostmaster(paths.cluster);
  if (found.state !== 'ready') return;
  const connected = lease.isConnected()
    ? lease
    : await connect(found.port, await readPassword(paths));
  if (typeof connected === 'string') return;
  if (await isLastLease(connected)) {
    const isStopped = await stopPostgres(paths, found, AbortSignal.timeout(stopLimitMs));
    if (!isStopped) onNotice(`The embedded PostgreSQL is still stopping; see ${paths.logFile}`);
  }
  await disconnect(connected);
}

/** The password that was generated with the cluster. */
export async function readPassword({ passwordFile }: EmbeddedPaths): Promise<string> {
  return (await readFile(passwordFile, 'utf8')).trim();
}
