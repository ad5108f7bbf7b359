/**
 * `npm run overload`: ten times the logins that the machine can do, offered to a real process. Those
 * that are let in must go on nearly as before, those that are not must hear so at once, and whoever is
 * logged in must hardly notice. All figures are ratios within one run on one machine. The load comes
 * from the same machine and takes processor time too: against the service, never for it.
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openGround } from '../../bench/env.ts';
import { median, runLoad } from '../../bench/measure.ts';
import { graphqlLoad, jsonHeaders, logIn, loginBody, seedPeople } from '../../bench/people.ts';
import { runJson } from '../../bench/process.ts';
import type { StormResult, StormSpec } from './storm.ts';

const people = 500;
const rounds = 3;
const seconds = 5;
const warmUpSeconds = 3;
const times = 10;
const meBody = JSON.stringify({ query: '{ me { id email fullName } }' });

interface Round {
  readonly capacity: number;
  readonly storm: StormResult;
  readonly alone: { readonly perSecond: number; readonly p99: number };
  readonly beside: { readonly perSecond: number; readonly p99: number };
  readonly stormBeside: StormResult;
}

/** A promise, what came of it, and whether it was kept. */
interface Figure {
  readonly what: string;
  readonly value: number;
  readonly limit: string;
  readonly isKept: boolean;
}

const atLeast = (what: string, value: number, limit: number): Figure => ({
  what,
  value,
  limit: `at least ${limit}`,
  isKept: value >= limit,
});

const atMost = (what: string, value: number, limit: number): Figure => ({
  what,
  value,
  limit: `at most ${limit}`,
  isKept: value <= limit,
});

async function measure(address: string, accessToken: string): Promise<Round> {
  const bodies = Array.from({ length: people }, (_, index) => loginBody(index + 1));
  const logins = graphqlLoad(address, bodies, 'accessToken', { connections: 8 });
  const me = {
    ...graphqlLoad(address, [meBody], 'fullName', { accessToken, connections: 32 }),
    seconds,
  };
  const capacity = (await runLoad({ ...logins, seconds })).perSecond;
  const spec = {
    url: `${address}/graphql`,
    headers: jsonHeaders(),
    bodies,
    perSecond: times * capacity,
    warmUpSeconds,
  };
  const storm = await runStorm({ ...spec, seconds });
  const alone = await runLoad(me);
  const blowing = runStorm({ ...spec, seconds: seconds + 1 });
  await new Promise((resolve) => setTimeout(resolve, warmUpSeconds * 1000));
  const [beside, stormBeside] = await Promise.all([runLoad(me), blowing]);
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
      'refused within (ms, p99)',
      middle(({ storm }) => storm.refusedP99),
      100,
    ),
    atMost(
      'answers that are neither',
      worst(({ storm, stormBeside }) => storm.wrong + stormBeside.wrong),
      0,
    ),
    atLeast(
      'me in the storm / alone',
      middle(({ beside, alone }) => beside.perSecond / alone.perSecond),
      0.75,
    ),
    atMost(
      'p99 of me in the storm / alone',
      middle(({ beside, alone }) => beside.p99 / alone.p99),
      3,
    ),
  ];
}

const [load = 0] = loadavg();
if (load > availableParallelism() / 4) {
  console.log(`The machine is busy (load ${load.toFixed(1)}): these figures say little.`);
}
await using deps = await openGround(true);
const database = await deps.database('overload');
await using server = await deps.gatehouse(database);
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
  figures.map(({ what, value, limit, isKept }) => ({
    what,
    value: Number(value.toPrecision(3)),
    limit,
    isKept,
  })),
);
console.log(JSON.stringify({ figures }));
if (figures.some(({ isKept }) => !isKept)) process.exitCode = 1;
