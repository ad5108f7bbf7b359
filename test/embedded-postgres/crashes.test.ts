/** The embedded PostgreSQL after kills of programs and servers at every moment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  acquire,
  kill,
  postmasterPid,
  query,
  serverPids,
  useEmbeddedEnv,
} from '../support/embedded-postgres.ts';
import { until } from '../support/until.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

const env = useEmbeddedEnv();

test('a server that is killed is started again at the same port while it is leased', async () => {
  const database = await acquire(env.ready);
  await query(database.url, 'CREATE TABLE survivor ()');
  await query(database.url, 'CHECKPOINT');
  kill(postmasterPid(env.ready));
  await until(() =>
    query(database.url, 'SELECT 1 FROM survivor').then(
      () => true,
      () => false,
    ),
  );
  await database.release();
  expect(serverPids(env.ready)).toEqual([]);
});

test('the server of a killed program is used by the next program', async () => {
  const killed = await env.startProgram(env.ready);
  const pid = postmasterPid(env.ready);
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  const next = await acquire(env.ready);
  expect(postmasterPid(env.ready)).toBe(pid);
  await next.release();
  expect(serverPids(env.ready)).toEqual([]);
});

test('after programs and server were killed, the next programs start the server with its data', async () => {
  const killed = await env.startProgram(env.ready);
  await query(killed.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await query(killed.url, 'CHECKPOINT');
  killed.child.kill('SIGKILL');
  for (const pid of serverPids(env.ready)) kill(pid);

  const [one, two] = await Promise.all([env.startProgram(env.ready), env.startProgram(env.ready)]);
  expect(one.url).toBe(two.url);
  expect(await query(one.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await Promise.all([one.release(), two.release()]);
  expect(serverPids(env.ready)).toEqual([]);
});

test('a start waits for the processes of a killed server', async () => {
  const killed = await env.startProgram(env.ready);
  killed.child.kill('SIGKILL');
  const postmaster = postmasterPid(env.ready);
  // A frozen process does not notice the death of its postmaster and keeps the shared memory.
  const frozen = serverPids(env.ready).find((pid) => pid !== postmaster) ?? 0;
  process.kill(frozen, 'SIGSTOP');
  kill(postmaster);
  setTimeout(() => kill(frozen), 1_000);
  const next = await acquire(env.ready);
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.release();
});

test('a stale pid file that names another running program does not prevent the start', async () => {
  await (await acquire(env.ready)).release();
  // Of the same user as the server; PostgreSQL detects the processes of other users.
  const otherProgram = spawn('sleep', ['60'], isRoot ? { uid: NOBODY, gid: NOBODY } : {});
  env.programs.push(otherProgram);
  const pidFile = join(env.ready, 'postgres', 'data', 'postmaster.pid');
  for (const pid of [otherProgram.pid ?? 0, process.pid, 1, 4_194_303]) {
    writeFileSync(
      pidFile,
      `${pid}\n/proc/self/cwd\n1700000000\n5432\n\n127.0.0.1\n  1234567  12345\nready   \n`,
    );
    const database = await acquire(env.ready);
    await query(database.url, 'SELECT 1');
    await database.release();
  }
  expect(otherProgram.exitCode).toBeNull();
});

test('a kill while the cluster is created does no harm', async () => {
  const dataDirectory = env.newDirectory();
  const killed = env.spawnProgram(dataDirectory);
  const draft = (): string | undefined =>
    readdirSync(dataDirectory).find((name) => name.startsWith('postgres.init-'));
  await until(() => draft() !== undefined);
  await sleep(150);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  expect(draft()).toBeDefined();
  const database = await acquire(dataDirectory);
  await query(database.url, 'SELECT 1');
  await database.release();
  await until(() => serverPids(dataDirectory).length === 0);
  await (await acquire(dataDirectory)).release();
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres.lock']);
});
