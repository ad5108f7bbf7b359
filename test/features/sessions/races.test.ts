/** Two server processes on one database: refreshes that race, and ends that are felt on the other one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, createClient } from '../../support/client.ts';
import { environmentOf, type RunningServer, startServer } from '../../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { goodPassword, type Login, somebody } from '../../support/people.ts';
import { startService } from '../../support/service.ts';
import { isIn, logOut, refresh, sessionIdOf } from '../../support/session-calls.ts';

const callers = 16;
const rounds = 20;
const ends = 40;
/** Milliseconds; the processes of this machine have better things to do than to be quick. */
const generous = 1000;
const limitMilliseconds = 100_000;

let database: TestDatabase;
let mail: MailServer;
let servers: readonly RunningServer[];
let one: Client;
let other: Client;
let ada: Awaited<ReturnType<typeof somebody>>;

beforeAll(async () => {
  database = await createTestDatabase();
  mail = await startMailServer();
  const environment = { ...environmentOf(database, mail), RATE_LIMITS: 'off' };
  {
    await using service = await startService({ database, mail, environment });
    ada = await somebody(service);
  }
  servers = await Promise.all([1, 2].map(() => startServer({ environment, limitMilliseconds })));
  [one, other] = servers.map(({ address }) => createClient(address)) as [Client, Client]; // two servers
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.end('SIGTERM')));
  await mail.close();
  await database.drop();
});

async function logIn(at: Client): Promise<Login> {
  const json = { email: ada.email, password: goodPassword };
  const { status, body } = await at.rest('POST', '/login/', { json });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return { accessToken: body.data.access_token, refreshToken: body.data.refresh_token };
}

const inTurn = (number: number) => (number % 2 === 0 ? one : other);

async function rowOf(sessionId: string) {
  const rows = await database.query<{ counter: number; live: boolean }>(
    'select refresh_counter as counter, ended_at is null as live from sessions where id = $1',
    [sessionId],
  );
  return rows;
}

test(`${callers} parallel refreshes of one token, ${rounds} times: one pair for all, one step of the chain`, async () => {
  let leaf = await logIn(one);
  const id = sessionIdOf(leaf.accessToken);
  const leaves = new Set([leaf.refreshToken]);
  for (let round = 1; round <= rounds; round += 1) {
    const { refreshToken } = leaf;
    const answers = await Promise.all(
      Array.from({ length: callers }, (_, number) => refresh(inTurn(number), refreshToken)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const [answer] = answers;
    if (!answer) throw new Error(`refused in round ${round}`);
    leaf = answer;
    leaves.add(leaf.refreshToken);
    expect(await rowOf(id)).toEqual([{ counter: round, live: true }]);
  }
  expect(leaves.size).toBe(rounds + 1);
  expect([await isIn(one, leaf.accessToken), await isIn(other, leaf.accessToken)]).toEqual([
    true,
    true,
  ]);
});

test('of parallel uses of parent, leaf and grandparent none leaves two live leaves', async () => {
  for (let round = 0; round < 10; round += 1) {
    const first = await logIn(inTurn(round));
    const second = await refresh(one, first.refreshToken);
    const third = await refresh(other, second?.refreshToken ?? '');
    const tokens = [first, second, third].map((it) => it?.refreshToken ?? '');
    const answers = await Promise.all(
      Array.from({ length: callers - 1 }, (_, number) =>
        refresh(inTurn(number), tokens[number % 3] ?? ''),
      ),
    );
    // The grandparent ends the session; until then all others are sent along one chain.
    const newest = new Set(
      answers.filter((_, number) => number % 3 === 2).map((answer) => answer?.refreshToken),
    );
    newest.delete(undefined);
    expect(newest.size).toBeLessThanOrEqual(1);
    expect(answers.filter((_, number) => number % 3 === 0)).toEqual(
      Array((callers - 1) / 3).fill(undefined),
    );
    for (const token of [...tokens, ...newest]) {
      expect(await refresh(inTurn(round), token ?? '')).toBe(undefined);
    }
    expect((await rowOf(sessionIdOf(first.accessToken)))[0]?.live).toBe(false);
  }
});

test('logins in the same second on both processes are sessions of their own', async () => {
  const logins = await Promise.all(Array.from({ length: 8 }, (_, number) => logIn(inTurn(number))));
  expect(new Set(logins.map(({ accessToken }) => sessionIdOf(accessToken))).size).toBe(8);
  expect(new Set(logins.map(({ refreshToken }) => refreshToken)).size).toBe(8);
  const [first, ...rest] = logins;
  if (!first) throw new Error('nobody has logged in');
  await logOut(one, first.accessToken);
  expect(await isIn(one, first.accessToken)).toBe(false);
  expect(await refresh(other, first.refreshToken)).toBe(undefined);
  for (const { accessToken, refreshToken } of rest) {
    expect(await isIn(one, accessToken)).toBe(true);
    expect(await refresh(other, refreshToken)).toMatchObject({ refreshToken: expect.any(String) });
  }
});

test(`${ends} ends: on the same process felt at once, on the other within a second`, async () => {
  const logins: Login[] = [];
  while (logins.length < ends) {
    const wave = Array.from({ length: 8 }, (_, number) => logIn(inTurn(number)));
    logins.push(...(await Promise.all(wave)));
  }
  const delays: number[] = [];
  let stale = 0;
  for (const [number, { accessToken }] of logins.entries()) {
    const [here, there] = [inTurn(number), inTurn(number + 1)];
    // Both know the session before it ends.
    expect([await isIn(here, accessToken), await isIn(there, accessToken)]).toEqual([true, true]);
    await logOut(here, accessToken);
    const acknowledgedAt = performance.now();
    const [isStale, delay] = await Promise.all([
      isIn(here, accessToken),
      refusedAfter(there, accessToken, acknowledgedAt),
    ]);
    if (isStale) stale += 1;
    delays.push(delay);
  }
  delays.sort((a, b) => a - b);
  const [median, p99, worst] = [0.5, 0.99, 1].map((share) => rank(delays, share));
  console.info(
    `an end made on one process is felt on the other: median ${median} ms, p99 ${p99} ms, worst ${worst} ms of ${delays.length}`,
  );
  expect(stale).toBe(0);
  expect(p99).toBeLessThan(generous);
});

/** Milliseconds from `since` until the start of the first request that is refused. */
async function refusedAfter(at: Client, accessToken: string, since: number): Promise<number> {
  for (;;) {
    const startedAt = performance.now();
    if (!(await isIn(at, accessToken))) return startedAt - since;
    if (startedAt - since > 10_000) return Number.POSITIVE_INFINITY;
  }
}

/** The value that `share` of the sorted ones do not exceed, to a tenth. */
function rank(sorted: readonly number[], share: number): number {
  const value = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return Math.round(value * 10) / 10;
}
