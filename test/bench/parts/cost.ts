/**
 * The processor time of one request, after as many requests as are measured: each operation as Apollo Client sends it.
 * The number of requests is fixed, and eight are sent at the same time, so the figures are useful on a busy machine too.
 */
import { requestOf, usual } from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import {
  addressOf,
  ask,
  logIn,
  logInAll,
  loginRequest,
  registerRequest,
  seedPeople,
} from '../people.ts';
import {
  benchFile,
  type CpuSeconds,
  cpuSeconds,
  type ServerProcess,
  startServer,
} from '../process.ts';
import type { Figure, PartResult } from '../report.ts';

const lanes = 8;

interface Cost {
  readonly name: string;
  readonly server: ServerProcess;
  readonly requests: number;
  readonly atMostMilliseconds?: number;
  /** Sends one request; those of a lane are sent one after the other. */
  send(lane: number, number: number): Promise<unknown>;
}

export async function measureCost(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('cost');
  await using ours = await env.gatehouse(database, { TRUST_PROXY: '1' });
  await using limit = await startServer({
    command: [benchFile('./limits/apollo.ts'), '', addressOf(1)],
    environment: { NODE_ENV: 'production' },
  });
  await seedPeople(database, people);
  await logInAll(ours.address, people);
  const figures: Figure[] = [];
  for (const cost of await costs(ours, limit)) figures.push(...(await figuresOf(cost)));
  return { measured: [], ratios: figures };
}

const people = 200;

async function costs(ours: ServerProcess, limit: ServerProcess): Promise<Cost[]> {
  const { accessToken } = await logIn(ours.address, 1);
  const me = requestOf(usual, 'me', { ACCESS_TOKEN: accessToken });
  const refreshTokens: string[] = [];
  for (let lane = 0; lane < lanes; lane += 1) {
    refreshTokens.push((await logIn(ours.address, lane + 1)).refreshToken);
  }
  const refresh = async (lane: number) => {
    const values = { REFRESH_TOKEN: refreshTokens[lane] ?? '' };
    const data = await ask(ours.address, requestOf(usual, 'refreshTokens', values));
    refreshTokens[lane] = (data.refreshTokens as { refreshToken: string }).refreshToken; // as in the document
  };
  return [
    {
      ...{ name: '`me` of the no-op Apollo', server: limit, requests: 5000 },
      send: () => ask(limit.address, me),
    },
    { name: '`me`', server: ours, requests: 5000, send: () => ask(ours.address, me) },
    {
      ...{ name: '`login`', server: ours, requests: 300, atMostMilliseconds: 1.5 },
      send: (_lane, number) => ask(ours.address, loginRequest((number % people) + 1)),
    },
    { name: '`refreshTokens`', server: ours, requests: 400, send: refresh },
    {
      ...{ name: '`register`, with its mail', server: ours, requests: 200 },
      send: (_lane, number) => ask(ours.address, registerRequest(number)),
    },
  ];
}

async function figuresOf(cost: Cost): Promise<Figure[]> {
  const { name, server, requests, atMostMilliseconds } = cost;
  await sendAll(cost, 0);
  const before = cpuSeconds(server);
  await sendAll(cost, requests);
  const after = cpuSeconds(server);
  const each = (read: (seconds: CpuSeconds) => number | undefined) =>
    (((read(after) ?? Number.NaN) - (read(before) ?? Number.NaN)) * 1000) / requests;
  return [
    {
      metric: `${name}: event loop`,
      value: each(({ eventLoop }) => eventLoop),
      unit: 'ms',
      ...(atMostMilliseconds === undefined ? {} : { atMost: atMostMilliseconds }),
    },
    { metric: '— all threads', value: each(({ process }) => process), unit: 'ms' },
    ...(server.databasePid === undefined
      ? []
      : [{ metric: '— PostgreSQL', value: each(({ database }) => database), unit: 'ms' }]),
  ];
}

/** @param first the number of the first request */
async function sendAll({ requests, send }: Cost, first: number): Promise<void> {
  let next = first;
  const run = async (lane: number) => {
    while (next < first + requests) await send(lane, next++);
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
}
