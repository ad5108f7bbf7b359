/** Directories, programs and processes for tests of the embedded PostgreSQL. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  acquireEmbeddedDatabase,
  type EmbeddedDatabase,
} from '../../src/embedded-postgres/embedded.ts';
import { makeScratchDirectory } from './scratch.ts';
import { until } from './until.ts';

const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

export interface EmbeddedProgram extends EmbeddedDatabase {
  readonly child: ChildProcess;
}

export interface EmbeddedEnv {
  /** A data directory that has a cluster already, for tests that do not create one. */
  readonly ready: string;
  /** An empty directory of mode 700. */
  newDirectory(): string;
  /** Killed after the test. */
  readonly programs: ChildProcess[];
  /** Starts a program that acquires the database, as that user. */
  spawnProgram(dataDirectory: string, uid?: number): ChildProcess;
  /** The same; resolves when the program has the database. */
  startProgram(dataDirectory: string, uid?: number): Promise<EmbeddedProgram>;
}

/** Registers hooks that stop programs and servers, and remove directories, after every test of the file. */
export function useEmbeddedEnv(): EmbeddedEnv {
  const directories: string[] = [];
  const programs: ChildProcess[] = [];
  const ready = makeScratchDirectory('embedded');
  beforeAll(async () => {
    await (await acquire(ready)).release();
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) program.kill('SIGKILL');
    await killServer(ready);
    await Promise.all(directories.splice(0).map(remove));
  });
  afterAll(() => remove(ready));

  const spawnProgram = (dataDirectory: string, uid?: number) => {
    const argument = JSON.stringify({ dataDirectory, settings, uid });
    const child = spawn(process.execPath, ['--input-type=module', '-e', programSource, argument], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    programs.push(child);
    return child;
  };
  return {
    ready,
    programs,
    newDirectory() {
      const directory = makeScratchDirectory('embedded');
      directories.push(directory);
      return directory;
    },
    spawnProgram,
    startProgram: (dataDirectory, uid) => whenAcquired(spawnProgram(dataDirectory, uid)),
  };
}

export function acquire(dataDirectory: string): Promise<EmbeddedDatabase> {
  return acquireEmbeddedDatabase({ dataDirectory, settings });
}

const moduleUrl = new URL('../../src/embedded-postgres/embedded.ts', import.meta.url).href;
const programSource = `
  import { acquireEmbeddedDatabase } from ${JSON.stringify(moduleUrl)};
  const { uid, ...options } = JSON.parse(process.argv[1]);
  if (uid !== undefined) { process.setgroups([]); process.setgid(uid); process.setuid(uid); }
  const database = await acquireEmbeddedDatabase(options);
  process.stdin.once('data', async () => { await database.release(); process.exit(); });
  console.log(database.url);
`;

async function whenAcquired(child: ChildProcess): Promise<EmbeddedProgram> {
  if (child.stdout === null) throw new Error('no output');
  const [url] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the program ended with ${code}`)),
    ),
  ]);
  const release = async (): Promise<void> => {
    child.stdin?.write('release\n');
    await once(child, 'exit');
  };
  return { child, url, release };
}

export async function query(url: string, sql: string, values: readonly string[] = []) {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

export async function leaseCount(url: string): Promise<number> {
  const rows = await query(
    url,
    "SELECT count(*)::int AS leases FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'",
  );
  return rows[0].leases;
}

export function postmasterPid(dataDirectory: string): number {
  const text = readFileSync(join(dataDirectory, 'postgres', 'data', 'postmaster.pid'), 'utf8');
  return Number.parseInt(text, 10);
}

/** Processes of PostgreSQL that run below that directory; on systems other than Linux only the postmaster. */
export function serverPids(directory: string): number[] {
  if (process.platform === 'linux') {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => workingDirectory(pid).startsWith(directory)).map(Number);
  }
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' });
  const ours = lines
    .split('\n')
    .filter((line) => /postgres.*-D/.test(line) && line.includes(directory));
  return ours.map((line) => Number.parseInt(line, 10));
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return ''; // the process has ended
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has ended.
  }
}

async function killServer(directory: string): Promise<void> {
  for (const pid of serverPids(directory)) kill(pid);
  await until(() => serverPids(directory).length === 0);
}

async function remove(directory: string): Promise<void> {
  await killServer(directory);
  rmSync(directory, { recursive: true, maxRetries: 5 });
}
