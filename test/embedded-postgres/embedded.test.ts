/** The embedded PostgreSQL, with real servers, real processes and real kills. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  type EmbeddedDatabase,
  joinEmbeddedDatabase,
} from '../../src/embedded-postgres/embedded.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const NOBODY = 65_534;
const CALLERS = 16;
const isRoot = process.getuid?.() === 0;

const directories: string[] = [];
const programs: ChildProcess[] = [];

/** A data directory whose cluster is already there, for tests that are not about making it. */
let ready: string;

beforeAll(async () => {
  ready = newDirectory();
  await (await joined(ready)).leave();
});

afterEach(async () => {
  for (const program of programs.splice(0)) program.kill('SIGKILL');
  await killServer(ready);
  await Promise.all(directories.splice(0).map(remove));
});

afterAll(() => remove(ready));

test('the first start makes the database, a later one keeps what is in it', async () => {
  const dataDirectory = join(freshDirectory(), 'not', 'there', 'yet');
  const first = await joined(dataDirectory);
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  expect(first.url).toMatch(/^postgresql:\/\/gatehouse:[\w-]{43}@127\.0\.0\.1:\d+\/gatehouse$/);
  expect(await query(first.url, 'SHOW max_connections')).toEqual([{ max_connections: '200' }]);
  expect(await query(first.url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
  expect(await query(first.url, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
  expect(await query(first.url, 'SHOW timezone')).toEqual([{ TimeZone: 'UTC' }]);
  await first.leave();
  await first.leave();
  expect(serverPids(dataDirectory)).toEqual([]);

  const second = await joined(dataDirectory);
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await second.leave();
  expect(mode(dataDirectory)).toBe('700');
  expect(mode(join(dataDirectory, 'postgres'))).toBe('700');
  expect(mode(join(dataDirectory, 'postgres', 'password'))).toBe('600');
  expect(mode(join(dataDirectory, 'postgres', 'server.log'))).toBe('600');
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres.lock']);
});

test('two programs that start at once on a fresh directory share one database, and the last to leave stops it', async () => {
  const dataDirectory = freshDirectory();
  const [one, two] = await Promise.all([program(dataDirectory), program(dataDirectory)]);
  expect(one.url).toBe(two.url);
  await one.leave();
  await query(two.url, 'SELECT 1');
  await two.leave();
  expect(serverPids(dataDirectory)).toEqual([]);
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres.lock']);
});

test('members that come and go at once always have a server, and the last takes it down', async () => {
  const comeAndGo = async (caller: number): Promise<void> => {
    for (let round = 0; round < 6; round += 1) {
      const database = await joined(ready);
      await query(database.url, 'SELECT 1');
      await pause((caller * 7 + round * 13) % 40);
      await query(database.url, 'SELECT 1');
      await database.leave();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => comeAndGo(caller)));
  expect(serverPids(ready)).toEqual([]);
});

test('all members leaving at once leave no server behind', async () => {
  const dataDirectory = freshDirectory();
  for (let round = 0; round < 3; round += 1) {
    const members = await Promise.all(Array.from({ length: CALLERS }, () => joined(dataDirectory)));
    expect(new Set(members.map(({ url }) => url)).size).toBe(1);
    await Promise.all(members.map((member) => member.leave()));
    expect(serverPids(dataDirectory)).toEqual([]);
  }
});

test('a program joining while the last one leaves ends up with a server', async () => {
  let current = await program(ready);
  for (let round = 0; round < 4; round += 1) {
    const [next] = await Promise.all([program(ready), pause(60 + 25 * round).then(current.leave)]);
    await query(next.url, 'SELECT 1');
    current = next;
  }
  await current.leave();
  expect(serverPids(ready)).toEqual([]);
});

test('a member whose connection is cut comes back, so that nobody stops the server under it', async () => {
  const staying = await joined(ready);
  const leaving = await joined(ready);
  await query(
    staying.url,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse-member'",
  );
  await until(async () => (await memberCount(staying.url)) === 2);
  await leaving.leave();
  await query(staying.url, 'SELECT 1');
  await staying.leave();
  expect(serverPids(ready)).toEqual([]);
});

test('a server that is killed comes back for its members at the same place', async () => {
  const database = await joined(ready);
  await query(database.url, 'CREATE TABLE survivor ()');
  await query(database.url, 'CHECKPOINT');
  kill(postmasterPid(ready));
  await until(() =>
    query(database.url, 'SELECT 1 FROM survivor').then(
      () => true,
      () => false,
    ),
  );
  await database.leave();
  expect(serverPids(ready)).toEqual([]);
});

test('a program that is killed leaves a server that the next one joins', async () => {
  const killed = await program(ready);
  const pid = postmasterPid(ready);
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  const next = await joined(ready);
  expect(postmasterPid(ready)).toBe(pid);
  await next.leave();
  expect(serverPids(ready)).toEqual([]);
});

test('after everything is killed the next programs start again with the data', async () => {
  const killed = await program(ready);
  await query(killed.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await query(killed.url, 'CHECKPOINT');
  killed.child.kill('SIGKILL');
  for (const pid of serverPids(ready)) kill(pid);

  const [one, two] = await Promise.all([program(ready), program(ready)]);
  expect(one.url).toBe(two.url);
  expect(await query(one.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await Promise.all([one.leave(), two.leave()]);
  expect(serverPids(ready)).toEqual([]);
});

test('a start waits for the processes of a killed server', async () => {
  const killed = await program(ready);
  killed.child.kill('SIGKILL');
  const postmaster = postmasterPid(ready);
  // A stopped process does not notice that its postmaster is dead and holds on to the shared memory.
  const held = serverPids(ready).find((pid) => pid !== postmaster) ?? 0;
  process.kill(held, 'SIGSTOP');
  kill(postmaster);
  setTimeout(() => kill(held), 1_000);
  const next = await joined(ready);
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.leave();
});

test('a pid file that names a living stranger does not keep the server from starting', async () => {
  await (await joined(ready)).leave();
  // Of the same user as the server, or PostgreSQL itself would know that it is a stranger.
  const stranger = spawn('sleep', ['60'], isRoot ? { uid: NOBODY, gid: NOBODY } : {});
  programs.push(stranger);
  const pidFile = join(ready, 'postgres', 'data', 'postmaster.pid');
  for (const pid of [stranger.pid ?? 0, process.pid, 1, 4_194_303]) {
    writeFileSync(
      pidFile,
      `${pid}\n/proc/self/cwd\n1700000000\n5432\n\n127.0.0.1\n  1234567  12345\nready   \n`,
    );
    const database = await joined(ready);
    await query(database.url, 'SELECT 1');
    await database.leave();
  }
  expect(stranger.exitCode).toBeNull();
});

test('being killed in the middle of making the cluster does no harm', async () => {
  const dataDirectory = freshDirectory();
  const killed = spawnProgram(dataDirectory);
  const draft = (): string | undefined =>
    readdirSync(dataDirectory).find((name) => name.startsWith('postgres.init-'));
  await until(() => draft() !== undefined);
  await pause(150);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  expect(draft()).toBeDefined();
  const database = await joined(dataDirectory);
  await query(database.url, 'SELECT 1');
  await database.leave();
  await until(() => serverPids(dataDirectory).length === 0);
  await (await joined(dataDirectory)).leave();
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres.lock']);
});

test('the data directory may be long, have spaces, and lie where only its owner may enter', async () => {
  const project = join(
    freshDirectory(),
    'a project with spaces, "quotes" and a name that does not end '.repeat(2),
  );
  mkdirSync(project, { mode: 0o700 });
  const database = await joined(join(project, '.gatehouse'));
  await query(database.url, 'SELECT 1');
  expect(serverPids(join(project, '.gatehouse'))).not.toEqual([]);
  await database.leave();
});

test('nobody gets in without the password, or by a socket', async () => {
  const database = await joined(ready);
  for (const password of ['', 'wrong']) {
    const url = new URL(database.url);
    url.password = password;
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/password/);
  }
  const rules = await query(database.url, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules');
  expect(rules).toEqual([{ auth_method: 'scram-sha-256' }]);
  expect(await query(database.url, 'SHOW unix_socket_directories')).toEqual([
    { unix_socket_directories: '' },
  ]);
  expect(await query(database.url, 'SHOW listen_addresses')).toEqual([
    { listen_addresses: '127.0.0.1' },
  ]);
  await database.leave();
});

test('what clients send does not reach the log', async () => {
  const database = await joined(ready);
  await query(database.url, 'CREATE TABLE noted (email text UNIQUE)');
  await query(database.url, "INSERT INTO noted VALUES ('secret@example.org')");
  await expect(
    query(database.url, "INSERT INTO noted VALUES ('secret@example.org')"),
  ).rejects.toThrow();
  await expect(query(database.url, "SELECT 'secret'::uuid")).rejects.toThrow();
  await expect(query(database.url, 'SELECT $1::uuid', ['secret'])).rejects.toThrow();
  await database.leave();
  const log = readFileSync(join(ready, 'postgres', 'server.log'), 'utf8');
  expect(log).toContain('ready to accept connections');
  expect(log).not.toContain('secret');
});

test('a server that cannot start says so in the words of its log', async () => {
  const broken = joinEmbeddedDatabase({ dataDirectory: ready, settings: { work_mem: 'plenty' } });
  await expect(broken).rejects.toThrow(
    /invalid value for parameter "work_mem"[\s\S]*server\.log[\s\S]*DATABASE_URL/,
  );
});

test('two data directories have two servers', async () => {
  const [one, two] = await Promise.all([joined(ready), joined(freshDirectory())]);
  expect(one.url).not.toBe(two.url);
  await one.leave();
  await query(two.url, 'SELECT 1');
  await two.leave();
});

test('it works as an ordinary user', async ({ skip }) => {
  skip(!isRoot, 'already running as one');
  skip(!isReachable(), 'nobody cannot reach node_modules here');
  const dataDirectory = freshDirectory();
  chownSync(dataDirectory, NOBODY, NOBODY);
  const ordinary = await program(dataDirectory, NOBODY);
  await query(ordinary.url, 'SELECT 1');
  // And root, coming by, uses it as what it is: that user's.
  const root = await joined(dataDirectory);
  expect(root.url).toBe(ordinary.url);
  await ordinary.leave();
  await root.leave();
  expect(statSync(join(dataDirectory, 'postgres', 'password')).uid).toBe(NOBODY);
  expect(serverPids(dataDirectory)).toEqual([]);
});

function newDirectory(): string {
  return makeScratchDirectory('embedded'); // of mode 700
}

function freshDirectory(): string {
  const directory = newDirectory();
  directories.push(directory);
  return directory;
}

async function killServer(directory: string): Promise<void> {
  for (const pid of serverPids(directory)) kill(pid);
  await until(() => serverPids(directory).length === 0);
}

async function remove(directory: string): Promise<void> {
  await killServer(directory);
  rmSync(directory, { recursive: true, maxRetries: 5 });
}

function joined(dataDirectory: string): Promise<EmbeddedDatabase> {
  return joinEmbeddedDatabase({ dataDirectory, settings: SETTINGS });
}

interface Program extends EmbeddedDatabase {
  readonly child: ChildProcess;
}

const PROGRAM = `
  import { joinEmbeddedDatabase } from ${JSON.stringify(new URL('../../src/embedded-postgres/embedded.ts', import.meta.url).href)};
  const { uid, ...options } = JSON.parse(process.argv[1]);
  if (uid !== undefined) { process.setgroups([]); process.setgid(uid); process.setuid(uid); }
  const database = await joinEmbeddedDatabase(options);
  process.stdin.once('data', async () => { await database.leave(); process.exit(); });
  console.log(database.url);
`;

function spawnProgram(dataDirectory: string, uid?: number): ChildProcess {
  const argument = JSON.stringify({ dataDirectory, settings: SETTINGS, uid });
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, argument], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  programs.push(child);
  return child;
}

async function program(dataDirectory: string, uid?: number): Promise<Program> {
  const child = spawnProgram(dataDirectory, uid);
  if (child.stdout === null) throw new Error('no output');
  const [url] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the program ended with ${code}`)),
    ),
  ]);
  const leave = async (): Promise<void> => {
    child.stdin?.write('leave\n');
    await once(child, 'exit');
  };
  return { child, url, leave };
}

async function query(url: string, sql: string, values: readonly string[] = []) {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function memberCount(url: string): Promise<number> {
  const rows = await query(
    url,
    "SELECT count(*)::int AS members FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'",
  );
  return rows[0].members;
}

function postmasterPid(dataDirectory: string): number {
  return Number.parseInt(
    readFileSync(join(dataDirectory, 'postgres', 'data', 'postmaster.pid'), 'utf8'),
    10,
  );
}

/** The PostgreSQL processes that work below that directory; elsewhere than on Linux the postmaster only. */
function serverPids(directory: string): number[] {
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
    return ''; // it is gone
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function isReachable(): boolean {
  const parent = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const entry = parent.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const postgres = join(dirname(entry), '..', 'native', 'bin', 'postgres');
  return spawnSync(postgres, ['--version'], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it never came true');
    await pause(20);
  }
}
