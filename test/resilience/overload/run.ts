/**
 * `npm run overload`: sends ten times the logins of the machine's capacity to a server process. Accepted logins must
 * stay near the capacity, rejected ones must get a fast response, and requests with a token must stay fast. The
 * requests are those of Apollo Client, the rate limits are on, and each user has an own network. All
 * figures are ratios within one run on one machine. The load generator shares the processors, which lowers the
 * figures of the service.
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { requestOf, usual } from '../../bench/clients/requests.ts';
import { openBenchEnv } from '../../bench/env.ts';
import { logIn, loginRequest, seedPeople } from '../../bench/people.ts';
import { runJson } from '../../bench/process.ts';
import { median, runLoad } from '../../bench/sampling.ts';
import type { StormResult, StormSpec } from './storm.ts';

const people = 500;
const rounds = 3;
const seconds = 5;
const warmUpSeconds = 3;
const times = 10;

interface Round {
  readonly capacity: number;
  readonly storm: StormResult;
  readonly alone: { readonly perSecond: number; readonly p99: number };
  readonly beside: { readonly perSecond: number; readonly p99: number };
  readonly stormBeside: StormResult;
}

/** A measured value, its limit, and whether it is within the limit. */
interface Figure {
  readonly name: string;
  readonly value: number;
  readonly limit: string;
  readonly isWithinLimit: boolean;
}

const atLeast = (name: string, value: number, limit: number): Figure => ({
  name,
  value,
  limit: `at least ${limit}`,
  isWithinLimit: value >= limit,
});

const atMost = (name: string, value: number, limit: number): Figure => ({
  name,
  value,
  limit: `at most ${limit}`,
  isWithinLimit: value <= limit,
});

async function measure(address: string, accessToken: string): Promise<Round> {
  const requests = Array.from({ length: people }, (_, index) => loginRequest(index + 1));
  const logins = { address, requests, expected: 'accessToken', connections: 8 };
  const me = {
    address,
    requests: [requestOf(usual, 'me', { ACCESS_TOKEN: accessToken })],
    expected: 'fullName',
    connections: 32,
    seconds,
  };
  const capacity = (await runLoad({ ...logins, seconds })).perSecond;
  const spec = { address, requests, perSecond: times * capacity, warmUpSeconds };
  const storm = await runStorm({ ...spec, seconds });
  const alone = await runLoad(me);
  const overloading = runStorm({ ...spec, seconds: seconds + 1 });
  await new Promise((resolve) => setTimeout(resolve, warmUpSeconds * 1000));
  const [beside, stormBeside] = await Promise.all([runLoad(me), overloading]);
  return { capacity, storm, alone, beside, stormBeside };
}

function runStorm(spec: StormSpec): Promise<StormResult> {
  return runJson(fileURLToPath(new URL('./storm.ts', import.meta.url)), spec);
}

function figuresOf(measured: readonly Round[]): Figure[] {
  const middle = (read: (round: Round) => number) => median(measured.map(read));
  const worst = (read: (round: Round) => number) => Math.max(...measured.map(read));
  return [
    atLeast(
      'offered / capacity',
      middle(({ storm, capacity }) => storm.offeredPerSecond / capacity),
      9,
    ),
    atLeast(
      'accepted / capacity',
      middle(({ storm, capacity }) => storm.acceptedPerSecond / capacity),
      0.8,
    ),
    atMost(
      'time to a rejection (ms, p99)',
      middle(({ storm }) => storm.refusedP99),
      100,
    ),
    atMost(
      'responses that are neither',
      worst(({ storm, stormBeside }) => storm.wrong + stormBeside.wrong),
      0,
    ),
    atLeast(
      'me during the overload / alone',
      middle(({ beside, alone }) => beside.perSecond / alone.perSecond),
      0.75,
    ),
    atMost(
      'p99 of me during the overload / alone',
      middle(({ beside, alone }) => beside.p99 / alone.p99),
      3,
    ),
  ];
}

const [load = 0] = loadavg();
if (load > availableParallelism() / 4) {
  console.log(`The machine is busy (load ${load.toFixed(1)}): these figures are unreliable.`);
}
await using env = await openBenchEnv(true);
const database = await env.database('overload');
await using server = await env.gatehouse(database, { TRUST_PROXY: '1' });
await seedPeople(database, people);
const { accessToken } = await logIn(server.address, 1);
await measure(server.address, accessToken); // warm
const measured: Round[] = [];
for (let round = 0; round < rounds; round += 1) {
  const result = await measure(server.address, accessToken);
  console.log(JSON.stringify(result));
  measured.push(result);
}
const figures = figuresOf(measured);
console.table(
  figures.map(({ name, value, limit, isWithinLimit }) => ({
    name,
    value: Number(value.toPrecision(3)),
    limit,
    isWithinLimit,
  })),
);
console.log(JSON.stringify({ figures }));
if (figures.some(({ isWithinLimit }) => !isWithinLimit)) process.exitCode = 1;
