/**
 * A PostgreSQL server that a test stops, kills and freezes. It keeps its port, and starts again only on request;
 * `own-server.ts` has an embedded one, which is started again while it is leased.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { ensureCluster } from '../../src/embedded-postgres/cluster.ts';
import { readPassword } from '../../src/embedded-postgres/coordinator.ts';
import { embeddedPaths } from '../../src/embedded-postgres/paths.ts';
import { chooseRunAs } from '../../src/embedded-postgres/process.ts';
import { findPrograms } from '../../src/embedded-postgres/programs.ts';
import {
  findPostmaster,
  startPostgres as startPostmaster,
} from '../../src/embedded-postgres/server.ts';
import { copyCluster } from './cluster.ts';
import { freePort } from './free-port.ts';
import { makeScratchDirectory } from './scratch.ts';
import { until } from './until.ts';

export interface Postgres extends AsyncDisposable {
  /** URL of an empty database, as its superuser. */
  readonly url: string;
  /** PostgreSQL's data directory. */
  readonly cluster: string;
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  /** Starts the server, also after a kill. */
  start(): Promise<void>;
  /** Ends the postmaster and waits: SIGINT is a fast shutdown, SIGQUIT an immediate one. */
  end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** Kills a process that serves a connection, as the out-of-memory killer does. */
  killBackend(applicationName: string): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export interface PostgresOptions {
  /** Override the fast settings of tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An existing directory instead of a temporary one. */
  readonly directory?: string;
}

/** Commits are in the page cache of the operating system, which survives a kill of the server. */
const fast = { fsync: 'off', full_page_writes: 'off' };
const endMilliseconds = 20_000;
const startMilliseconds = 30_000;

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const dataDirectory = options.directory ?? makeScratchDirectory('postgres');
  const paths = embeddedPaths(dataDirectory);
  await mkdir(paths.dataDirectory, { recursive: true });
  if (options.directory === undefined) await copyCluster(dataDirectory);
  const programs = await findPrograms(await chooseRunAs(paths.cluster), paths.dataDirectory);
  await ensureCluster(paths, programs, false);
  const port = await freePort();
  const settings = { ...fast, ...options.settings };

  const postmaster = async () => {
    const found = await findPostmaster(paths.cluster);
    return 'pid' in found ? found : undefined;
  };
  let lastPid: number | undefined;
  const start = async () => {
    const signal = AbortSignal.timeout(startMilliseconds);
    for (;;) {
      const stalePid = (await postmaster())?.pid;
      const how = { settings, preferredPort: port, stalePid, signal };
      const failure = await startPostmaster(paths, programs, how);
      if (failure === undefined) {
        lastPid = (await postmaster())?.pid;
        return;
      }
      if (signal.aborted) throw new Error(failure);
      await sleep(100);
    }
  };
  const runningPid = async (): Promise<number> => {
    const found = await postmaster();
    if (found?.state !== 'ready') throw new Error('the server does not run');
    return found.pid;
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    const { pid } = (await postmaster()) ?? {};
    if (pid === undefined) return;
    for (const each of [pid, ...(await childrenOf(pid))]) trySignal(each, signal);
  };
  const isStopped = async () => /absent|stale/.test((await findPostmaster(paths.cluster)).state);
  const end: Postgres['end'] = async (signal) => {
    trySignal(await runningPid(), signal);
    await until(isStopped, endMilliseconds);
  };

  await start();
  // An interrupted test run stops the server, too.
  const killAtExit = () => lastPid && trySignal(lastPid, 'SIGQUIT');
  process.once('exit', killAtExit);
  const password = await readPassword(paths);
  const url = `postgresql://gatehouse:${password}@127.0.0.1:${port}/gatehouse`;
  const pool = new Pool({ connectionString: url, max: 2, application_name: 'test' });
  pool.on('error', () => undefined); // tests stop the server
  const query: Postgres['query'] = async (sql, parameters = []) =>
    (await pool.query(sql, parameters)).rows;
  return {
    url,
    cluster: paths.cluster,
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
      if (!(await isStopped())) await end('SIGINT');
      if (options.directory === undefined)
        await rm(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has ended.
  }
}

/** Each backend has its own session, so there is no process group to signal. */
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
