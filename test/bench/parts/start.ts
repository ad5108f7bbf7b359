/**
 * The time from the start of a new process of the bundle to the first 200 of `/health/ready`, and the resident set of
 * that process (`VmRSS` of `/proc/<pid>/status`) before and after load.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientRequest, requestOf, usual } from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import { logIn, loginRequest, seedPeople } from '../people.ts';
import { residentMegabytes } from '../process.ts';
import type { PartResult } from '../report.ts';
import { median, runLoad } from '../sampling.ts';

const people = 100;
/** The server gets no request in this time, and nothing forces a garbage collection. */
const calmMilliseconds = 30_000;

export async function measureStart(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('start');
  await (await env.gatehouse(database))[Symbol.asyncDispose]();
  const times = env.isQuick ? 3 : 10;
  const starts: number[] = [];
  const embeddedStarts: number[] = [];
  const embedded = {
    NODE_ENV: 'development',
    DATABASE_URL: '',
    GATEHOUSE_DATA_DIR: join(env.directory, 'own'),
  };
  await (await env.gatehouse(database, embedded))[Symbol.asyncDispose]();
  for (let count = 0; count < times; count += 1) {
    await using one = await env.gatehouse(database);
    starts.push(one.readyMilliseconds);
    await using own = await env.gatehouse(database, embedded);
    embeddedStarts.push(own.readyMilliseconds);
  }
  const { idle, loaded } = await memoryOf(env);
  return {
    measured: [],
    ratios: [
      {
        metric: 'ready after start, database present',
        value: median(starts) / 1000,
        unit: 's',
        atMost: 1,
      },
      {
        metric: 'ready after start, with the start of the embedded database',
        value: median(embeddedStarts) / 1000,
        unit: 's',
      },
      { metric: 'resident memory, 30 s after the start', value: idle, unit: 'MB', atMost: 130 },
      { metric: 'resident memory, 30 s after load', value: loaded, unit: 'MB' },
    ],
  };
}

async function memoryOf(env: BenchEnv): Promise<{ idle: number; loaded: number }> {
  const database = await env.database('memory');
  await using ours = await env.gatehouse(database);
  await sleep(calmMilliseconds);
  const idle = residentMegabytes(ours.pid) ?? Number.NaN;
  await seedPeople(database, people);
  const { accessToken } = await logIn(ours.address, 1);
  const { seconds } = env.effort;
  const load = (requests: readonly ClientRequest[], expected: string, connections: number) =>
    runLoad({ address: ours.address, requests, expected, connections, seconds });
  await load([requestOf(usual, 'me', { ACCESS_TOKEN: accessToken })], '"email"', 32);
  const logins = Array.from({ length: people }, (_, index) => loginRequest(index + 1));
  await load(logins, '"accessToken"', 16);
  await sleep(calmMilliseconds);
  return { idle, loaded: residentMegabytes(ours.pid) ?? Number.NaN };
}
