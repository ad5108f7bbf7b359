/** Joins members to the server: whoever comes first starts it, the last to go stops it. Each coming and going holds the file lock, so none sees another's half-done work. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureCluster } from './cluster.ts';
import { withFileLock } from './file-lock.ts';
import { becomeMember, connect, disconnect, isLast, type Member } from './lease.ts';
import type { Place } from './paths.ts';
import { chooseRunAs } from './process.ts';
import { findPrograms, type Programs } from './programs.ts';
import { findPostmaster, type Postmaster, startServer, stopServer } from './server.ts';

const POLL_MS = 20;
/** Between starts that failed for a passing reason, so that the log is not flooded. */
const RETRY_START_MS = 200;
const ENTER_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 30_000;
/** Longer than what others do under the lock: making a cluster on a slow disk, or starting. */
const LOCK_LIMIT_MS = 150_000;
/** Shorter, as a process that ends should end; a server left behind is stopped by the next who leaves. */
const EXIT_LOCK_LIMIT_MS = 10_000;

/** What the door needs to know. */
interface DoorOptions {
  readonly place: Place;
  readonly settings: Readonly<Record<string, string>>;
  readonly onNotice: (text: string) => void;
}

/** Makes the door to the server of one cluster. */
export function doorTo(options: DoorOptions): Door {
  const { lockFile } = options.place;
  return {
    onNotice: options.onNotice,
    enter: (signal, preferredPort) => {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(LOCK_LIMIT_MS)]);
      return withFileLock(lockFile, patience, () => enter(options, signal, preferredPort));
    },
    exit: (member) => {
      const patience = AbortSignal.timeout(EXIT_LOCK_LIMIT_MS);
      const left = withFileLock(lockFile, patience, () => exit(options, member));
      return left.finally(() => disconnect(member));
    },
  };
}

async function enter(
  options: DoorOptions,
  leaving: AbortSignal,
  preferredPort: number | undefined,
): Promise<Member> {
  const { place } = options;
  const { state } = await findPostmaster(place.cluster);
  const programs = state === 'ready' ? undefined : await setUp(options);
  // Counted from here, as making a cluster may take its time on a slow disk.
  const signal = AbortSignal.any([leaving, AbortSignal.timeout(ENTER_LIMIT_MS)]);
  let reason = 'nothing was heard of it';
  while (!signal.aborted) {
    const found = await findPostmaster(place.cluster);
    const result =
      found.state === 'ready'
        ? await becomeMember(found.port, await readPassword(place))
        : await bringUp(options, found, { programs, preferredPort, signal });
    if (typeof result !== 'string') return result;
    reason = result;
    await pause(POLL_MS);
  }
  throw new Error(
    `The embedded PostgreSQL could not be reached in ${ENTER_LIMIT_MS / 1000} seconds: ${reason}\n` +
      `See ${place.logFile}; if it is still recovering, wait and start gatehouse again.`,
  );
}

async function setUp({ place, settings }: DoorOptions): Promise<Programs> {
  const programs = await findPrograms(await chooseRunAs(place.cluster));
  await ensureCluster(place, programs, settings.fsync !== 'off');
  return programs;
}

/** One step towards a server that is ready; answers what was done. */
async function bringUp(
  options: DoorOptions,
  found: Postmaster,
  how: {
    readonly programs: Programs | undefined;
    readonly preferredPort: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  if (found.state === 'busy') return 'it is starting or stopping';
  const stale = found.state === 'stale' ? found : undefined;
  const failure = await startServer(options.place, how.programs ?? (await setUp(options)), {
    settings: options.settings,
    preferredPort: how.preferredPort ?? stale?.port,
    stalePid: stale?.pid,
    signal: how.signal,
  });
  if (failure === undefined) return 'it has been started';
  await pause(RETRY_START_MS);
  return failure;
}

async function exit({ place, onNotice }: DoorOptions, member: Member): Promise<void> {
  const found = await findPostmaster(place.cluster);
  if (found.state !== 'ready') return;
  const present = member.isConnected()
    ? member
    : await connect(found.port, await readPassword(place));
  if (typeof present === 'string') return;
  if (await isLast(present)) {
    const isGone = await stopServer(place, found, AbortSignal.timeout(STOP_LIMIT_MS));
    if (!isGone) onNotice(`The embedded PostgreSQL is still stopping; see ${place.logFile}`);
  }
  await disconnect(present);
}

/** Reads the password made with the cluster. */
export async function readPassword({ passwordFile }: Place): Promise<string> {
  return (await readFile(passwordFile, 'utf8')).trim();
}

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 5_000;

/** How to come and go; `door.ts` joins the two to a server. */
export interface Door {
  /** Becomes a member, starting the server if need be, at that port if it is free. */
  readonly enter: (signal: AbortSignal, preferredPort?: number) => Promise<Member>;
  /** Ends a membership, and stops the server after the last. */
  readonly exit: (member: Member) => Promise<void>;
  readonly onNotice: (text: string) => void;
}

/** A membership that is kept until it is left. */
interface Membership {
  readonly port: number;
  /** Called again it does no more than once. */
  leave(): Promise<void>;
}

/** Becomes a member and stays one. */
export async function keepMembership(door: Door): Promise<Membership> {
  const leaving = new AbortController();
  const { signal } = leaving;
  let member = await door.enter(signal);
  const { port } = member;
  const left = once(signal, 'abort').then(() => false);

  const stay = async (): Promise<void> => {
    while (await Promise.race([left, member.ended.then(() => true)])) {
      member = (await comeBack(door, port, signal)) ?? member;
    }
  };
  const staying = stay();
  const go = async (): Promise<void> => {
    leaving.abort();
    await staying;
    await door.exit(member);
  };
  let gone: Promise<void> | undefined;
  return {
    port,
    leave: () => {
      gone ??= go();
      return gone;
    },
  };
}

/** Enters again, however long it takes; nothing when told to leave meanwhile. */
async function comeBack(
  door: Door,
  port: number,
  signal: AbortSignal,
): Promise<Member | undefined> {
  for (
    let waitMs = FIRST_WAIT_MS;
    !signal.aborted;
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
  ) {
    try {
      const member = await door.enter(signal, port);
      if (member.port !== port) door.onNotice(movedNotice(port, member.port));
      return member;
    } catch (error) {
      if (!signal.aborted) door.onNotice(`The embedded PostgreSQL is out of reach. ${error}`);
    }
    await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
  return undefined;
}

function movedNotice(from: number, to: number): string {
  return `The embedded PostgreSQL has come back at port ${to} instead of ${from}: restart this process.`;
}
