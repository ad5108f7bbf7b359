/** The time from the command to readiness, and the memory of the process before and after load. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchEnv } from '../env.ts';
import { median, runLoad } from '../measure.ts';
import { graphqlLoad, logIn, loginBody, seedPeople } from '../people.ts';
import { residentMegabytes } from '../process.ts';
import type { PartResult } from '../report.ts';
import { meDocument } from './me.ts';

const people = 100;
/** Time after which the start has finished and its memory is released. */
const calmMilliseconds = 12_000;

export async function measureStart(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('start');
  await (await env.gatehouse(database))[Symbol.asyncDispose]();
  const times = env.isQuick ? 3 : 10;
  const starts: number[] = [];
  const embeddedStarts: number[] = [];
  const embedded = { DATABASE_URL: '', GATEHOUSE_DATA_DIR: join(env.directory, 'own') };
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
        atMost: 2,
      },
      {
        metric: 'ready after start, with the start of the embedded database',
        value: median(embeddedStarts) / 1000,
        unit: 's',
      },
      { metric: 'resident memory of the server, idle', value: idle, unit: 'MB', atMost: 180 },
      { metric: 'resident memory after load', value: loaded, unit: 'MB' },
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
  const me = [JSON.stringify({ query: meDocument })];
  await runLoad({
    ...graphqlLoad(ours.address, me, '"email"', { accessToken, connections: 32 }),
    seconds,
  });
  const logins = Array.from({ length: people }, (_, index) => loginBody(index + 1));
  await runLoad({
    ...graphqlLoad(ours.address, logins, '"accessToken"', { connections: 16 }),
    seconds,
  });
  await sleep(calmMilliseconds);
  return { idle, loaded: residentMegabytes(ours.pid) ?? Number.NaN };
}
