/** The embedded PostgreSQL is shared by parallel leases, and stopped by the release of the last one. */

import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  acquire,
  leaseCount,
  query,
  serverPids,
  useEmbeddedEnv,
} from '../support/embedded-postgres.ts';
import { until } from '../support/until.ts';

const CALLERS = 16;

const env = useEmbeddedEnv();

test('two programs that start at once on an empty directory share one database, and the last one stops it', async () => {
  const dataDirectory = env.newDirectory();
  const [one, two] = await Promise.all([
    env.startProgram(dataDirectory),
    env.startProgram(dataDirectory),
  ]);
  expect(one.url).toBe(two.url);
  await one.release();
  await query(two.url, 'SELECT 1');
  await two.release();
  expect(serverPids(dataDirectory)).toEqual([]);
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres.lock']);
});

test('parallel leases always have a server, and the release of the last one stops it', async () => {
  const acquireAndRelease = async (caller: number): Promise<void> => {
    for (let round = 0; round < 6; round += 1) {
      const database = await acquire(env.ready);
      await query(database.url, 'SELECT 1');
      await sleep((caller * 7 + round * 13) % 40);
      await query(database.url, 'SELECT 1');
      await database.release();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => acquireAndRelease(caller)));
  expect(serverPids(env.ready)).toEqual([]);
});

test('no server runs after all leases were released at once', async () => {
  const dataDirectory = env.newDirectory();
  for (let round = 0; round < 3; round += 1) {
    const leases = await Promise.all(Array.from({ length: CALLERS }, () => acquire(dataDirectory)));
    expect(new Set(leases.map(({ url }) => url)).size).toBe(1);
    await Promise.all(leases.map((lease) => lease.release()));
    expect(serverPids(dataDirectory)).toEqual([]);
  }
});

test('a program that starts while the last one ends gets a server', async () => {
  let current = await env.startProgram(env.ready);
  for (let round = 0; round < 4; round += 1) {
    const [next] = await Promise.all([
      env.startProgram(env.ready),
      sleep(60 + 25 * round).then(current.release),
    ]);
    await query(next.url, 'SELECT 1');
    current = next;
  }
  await current.release();
  expect(serverPids(env.ready)).toEqual([]);
});

test('a lease whose connection is cut is acquired again, so that the server is not stopped', async () => {
  const database = await acquire(env.ready);
  const other = await acquire(env.ready);
  await query(
    database.url,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse-lease'",
  );
  await until(async () => (await leaseCount(database.url)) === 2);
  await other.release();
  await query(database.url, 'SELECT 1');
  await database.release();
  expect(serverPids(env.ready)).toEqual([]);
});
