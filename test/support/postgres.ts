/**
 * A PostgreSQL server that nobody looks after, to be stopped, killed and frozen at will; it stays at
 * its port. `own-server.ts` has one that its members start again.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { ensureCluster } from '../../src/embedded-postgres/cluster.ts';
import { readPassword } from '../../src/embedded-postgres/coordinator.ts';
import { placeIn } from '../../src/embedded-postgres/paths.ts';
import { chooseRunAs } from '../../src/embedded-postgres/process.ts';
import { findPrograms } from '../../src/embedded-postgres/programs.ts';
import { findPostmaster, startServer } from '../../src/embedded-postgres/server.ts';
import { copyCluster } from './cluster.ts';
import { freePort } from './free-port.ts';
import { makeScratchDirectory } from './scratch.ts';
import { until } from './until.ts';

export interface Postgres extends AsyncDisposable {
  /** Of its database, empty at first; a superuser's. */
  readonly url: string;
  /** The directory of its data and its settings. */
  readonly cluster: string;
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  /** Starts it, also after it was killed. */
  start(): Promise<void>;
  /** Ends the postmaster: SIGINT is a fast shutdown, SIGQUIT an immediate one. Waits until it is gone. */
  end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** Kills a process that serves a connection, as the out-of-memory killer does. */
  killBackend(applicationName: string): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export interface PostgresOptions {
  /** Over the usual ones of a test, which are fast. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An existing directory instead of a temporary one. */
  readonly directory?: string;
}

/** What is committed is with the operating system, which outlives the server. */
const fast = { fsync: 'off', full_page_writes: 'off' };
const endMilliseconds = 20_000;
const startMilliseconds = 30_000;

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const dataDirectory = options.directory ?? makeScratchDirectory('postgres');
  const place = placeIn(dataDirectory);
  await mkdir(place.dataDirectory, { recursive: true });
  if (options.directory === undefined) await copyCluster(dataDirectory);
  const programs = await findPrograms(await chooseRunAs(place.cluster));
  await ensureCluster(place, programs, false);
  const port = await freePort();
  const settings = { ...fast, ...options.settings };

  const postmaster = async () => {
    const found = await findPostmaster(place.cluster);
    return 'pid' in found ? found : undefined;
  };
  let lastPid: number | undefined;
  const start = async () => {
    const signal = AbortSignal.timeout(startMilliseconds);
    for (;;) {
      const stalePid = (await postmaster())?.pid;
      const how = { settings, preferredPort: port, stalePid, signal };
      const failure = await startServer(place, programs, how);
      if (failure === undefined) {
        lastPid = (await postmaster())?.pid;
        return;
      }
      if (signal.aborted) throw new Error(failure);
      await sleep(100);
    }
  };
  const running = async (): Promise<number> => {
    const found = await postmaster();
    if (found?.state !== 'ready') throw new Error('the server does not run');
    return found.pid;
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    const { pid } = (await postmaster()) ?? {};
    if (pid === undefined) return;
    for (const each of [pid, ...(await childrenOf(pid))]) trySignal(each, signal);
  };
  const isOver = async () => /absent|stale/.test((await findPostmaster(place.cluster)).state);
  const end: Postgres['end'] = async (signal) => {
    trySignal(await running(), signal);
    await until(isOver, endMilliseconds);
  };

  await start();
  // Whoever interrupts us leaves nothing behind.
  const killAtExit = () => lastPid && trySignal(lastPid, 'SIGQUIT');
  process.once('exit', killAtExit);
  const password = await readPassword(place);
  const url = `postgresql://gatehouse:${password}@127.0.0.1:${port}/gatehouse`;
  const pool = new Pool({ connectionString: url, max: 2, application_name: 'test' });
  pool.on('error', () => undefined); // a server that ends is part of the tests
  const query: Postgres['query'] = async (sql, parameters = []) =>
    (await pool.query(sql, parameters)).rows;
  return {
    url,
    cluster: place.cluster,
    query,
    start,
    end,
    async killBackend(applicationName) {
      const [row] = await query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = $1
         order by state = 'active' desc, random() limit 1`,
        [applicationName],
      );
      if (row) trySignal(row.pid, 'SIGKILL');
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await signalAll('SIGCONT');
      await pool.end();
      process.off('exit', killAtExit);
      if (!(await isOver())) await end('SIGINT');
      if (options.directory === undefined)
        await rm(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

/** Each backend is in a session of its own, so there is no group to signal. */
async function childrenOf(parent: number): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const name of names) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(parentPid) === parent) found.push(Number(name));
  }
  return found;
}
