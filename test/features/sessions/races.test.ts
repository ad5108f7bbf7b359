/** Two server processes on one database: parallel refreshes, and the end of sessions on both. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, createClient } from '../../support/client.ts';
import { environmentOf, type RunningServer, startServer } from '../../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { goodPassword, type Login, somebody } from '../../support/people.ts';
import { startService } from '../../support/service.ts';
import { isIn, logOut, refresh, sessionIdOf, unsigned } from '../../support/session-calls.ts';

const callers = 16;
const rounds = 20;
const ends = 40;
/** With a margin for a busy machine. */
const maxDelayMs = 1000;
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
  const rows = await database.query<{ counter: number; active: boolean }>(
    'select refresh_counter as counter, ended_at is null as active from sessions where id = $1',
    [sessionId],
  );
  return rows;
}

test(`${callers} parallel refreshes of one token return one refresh token with the same claims and advance the chain once, ${rounds} times`, async () => {
  let leaf = await logIn(one);
  const id = sessionIdOf(leaf.accessToken);
  const leaves = new Set([leaf.refreshToken]);
  for (let round = 1; round <= rounds; round += 1) {
    const { refreshToken } = leaf;
    const responses = await Promise.all(
      Array.from({ length: callers }, (_, number) => refresh(inTurn(number), refreshToken)),
    );
    const different = new Set(responses.map((it) => JSON.stringify(it && unsigned(it))));
    expect(different.size).toBe(1);
    const [response] = responses;
    if (!response) throw new Error(`rejected in round ${round}`);
    leaf = response;
    leaves.add(leaf.refreshToken);
    expect(await rowOf(id)).toEqual([{ counter: round, active: true }]);
  }
  expect(leaves.size).toBe(rounds + 1);
  expect([await isIn(one, leaf.accessToken), await isIn(other, leaf.accessToken)]).toEqual([
    true,
    true,
  ]);
});

test('parallel uses of a token, its parent and its grandparent never leave two valid tokens', async () => {
  for (let round = 0; round < 10; round += 1) {
    const first = await logIn(inTurn(round));
    const second = await refresh(one, first.refreshToken);
    const third = await refresh(other, second?.refreshToken ?? '');
    const tokens = [first, second, third].map((it) => it?.refreshToken ?? '');
    const responses = await Promise.all(
      Array.from({ length: callers - 1 }, (_, number) =>
        refresh(inTurn(number), tokens[number % 3] ?? ''),
      ),
    );
    // The grandparent ends the session. Before that, all other tokens advance one chain.
    const newest = new Set(
      responses.filter((_, number) => number % 3 === 2).map((response) => response?.refreshToken),
    );
    newest.delete(undefined);
    expect(newest.size).toBeLessThanOrEqual(1);
    expect(responses.filter((_, number) => number % 3 === 0)).toEqual(
      Array((callers - 1) / 3).fill(undefined),
    );
    for (const token of [...tokens, ...newest]) {
      expect(await refresh(inTurn(round), token ?? '')).toBe(undefined);
    }
    expect((await rowOf(sessionIdOf(first.accessToken)))[0]?.active).toBe(false);
  }
});

test('logins in the same second on both processes create separate sessions', async () => {
  const logins = await Promise.all(Array.from({ length: 8 }, (_, number) => logIn(inTurn(number))));
  expect(new Set(logins.map(({ accessToken }) => sessionIdOf(accessToken))).size).toBe(8);
  expect(new Set(logins.map(({ refreshToken }) => refreshToken)).size).toBe(8);
  const [first, ...rest] = logins;
  if (!first) throw new Error('no login');
  await logOut(one, first.accessToken);
  expect(await isIn(one, first.accessToken)).toBe(false);
  expect(await refresh(other, first.refreshToken)).toBe(undefined);
  for (const { accessToken, refreshToken } of rest) {
    expect(await isIn(one, accessToken)).toBe(true);
    expect(await refresh(other, refreshToken)).toMatchObject({ refreshToken: expect.any(String) });
  }
});

test(`an ended session is rejected at once on the same process and within a second on the other, ${ends} times`, async () => {
  const logins: Login[] = [];
  while (logins.length < ends) {
    const wave = Array.from({ length: 8 }, (_, number) => logIn(inTurn(number)));
    logins.push(...(await Promise.all(wave)));
  }
  const delays: number[] = [];
  let stale = 0;
  for (const [number, { accessToken }] of logins.entries()) {
    const [here, there] = [inTurn(number), inTurn(number + 1)];
    // Both processes cache the session before it ends.
    expect([await isIn(here, accessToken), await isIn(there, accessToken)]).toEqual([true, true]);
    await logOut(here, accessToken);
    const acknowledgedAt = performance.now();
    const [isStale, delay] = await Promise.all([
      isIn(here, accessToken),
      rejectedAfter(there, accessToken, acknowledgedAt),
    ]);
    if (isStale) stale += 1;
    delays.push(delay);
  }
  delays.sort((a, b) => a - b);
  const [median, p99, worst] = [0.5, 0.99, 1].map((share) => percentile(delays, share));
  console.info(
    `the other process rejects an ended session after median ${median} ms, p99 ${p99} ms, worst ${worst} ms of ${delays.length}`,
  );
  expect(stale).toBe(0);
  expect(p99).toBeLessThan(maxDelayMs);
});

/** Milliseconds from `since` until the start of the first request that is rejected. */
async function rejectedAfter(at: Client, accessToken: string, since: number): Promise<number> {
  for (;;) {
    const startedAt = performance.now();
    if (!(await isIn(at, accessToken))) return startedAt - since;
    if (startedAt - since > 10_000) return Number.POSITIVE_INFINITY;
    await sleep(2);
  }
}

/** A percentile of sorted values, rounded to a tenth. */
function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return Math.round(value * 10) / 10;
}
