/** Concurrent logins above the capacity of the password hasher: accepted, rejected and aborted ones. */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requestWaitMilliseconds } from '../../../src/crypto/password/queue.ts';
import { goodPassword, insertAccount, newAddress } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
const emails = Array.from({ length: 8 }, newAddress);
/** A hash that is slow enough for a queue on any machine. */
const costlyHashes = { PASSWORD_HASH_MEMORY_KIB: '65536', PASSWORD_HASH_ITERATIONS: '3' };
const figures = 'network=9999/600,account-network=9999/600,account=9999/600';

beforeAll(async () => {
  service = await startService({
    hasCostlyHashes: true,
    hashWaitMilliseconds: requestWaitMilliseconds,
    environment: { ...costlyHashes, RATE_LIMITS: figures },
  });
  for (const email of emails) await insertAccount(service, { email, password: goodPassword });
});
afterAll(() => service.close());

/** The sum of the series of `/metrics` that match. */
async function counted(series: RegExp): Promise<number> {
  const text = await (await fetch(`${service.address}/metrics`)).text();
  const lines = text.split('\n').filter((line) => series.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const verified = () => counted(/^gatehouse_password_hash_duration_seconds_count.*verify/);
const waiting = () => counted(/^gatehouse_password_hash_queue[ {]/);

async function spentAttempts(): Promise<number> {
  const [row] = await service.database.query<{ sum: string | null }>(
    "select sum(used) as sum from rate_limit_buckets where key like 'network:%'",
  );
  return Number(row?.sum ?? 0);
}

const document = `mutation ($input: LoginInput!) {
  login(input: $input) { ... on TokenPair { accessToken } ... on Problem { code } }
}`;

/** Concurrent logins, alternating between REST and GraphQL; `order` has the results in order of arrival. */
function concurrentLogins(count: number, password = goodPassword) {
  const order: string[] = [];
  const answers = Array.from({ length: count }, async (_, index) => {
    const input = { email: emails[index % emails.length], password };
    const answer =
      index % 2 === 0
        ? await service.rest('POST', '/login/', { json: input })
        : await service.graphql(document, { input });
    order.push(/OVERLOADED/.test(answer.text) ? 'rejected' : 'accepted');
    return answer;
  });
  return { order, answers: Promise.all(answers) };
}

test('of many concurrent logins some succeed, and the others are rejected immediately with Retry-After', async () => {
  const before = await verified();
  const { order, answers } = concurrentLogins(150);
  const all = await answers;
  const rejected = all.filter(({ text }) => text.includes('OVERLOADED'));
  const accepted = all.filter(({ text }) => !text.includes('OVERLOADED'));
  expect(accepted.length).toBeGreaterThan(0);
  expect(rejected.length).toBeGreaterThan(0);
  for (const { status, text } of accepted) {
    expect(status).toBe(200);
    expect(text).toMatch(/access_?token/i);
  }
  for (const { status, headers, text } of rejected) {
    const retryAfter = headers.get('retry-after') ?? /"retryAfter":(\d+)/.exec(text)?.[1];
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    expect(Number(retryAfter)).toBeLessThanOrEqual(10);
    if (status === 503) expect(headers.get('retry-after')).not.toBeNull();
  }
  expect(order.indexOf('rejected')).toBeLessThan(order.lastIndexOf('accepted'));
  // One hash for each accepted login, and none for the others except those running at the timeout.
  const computed = (await verified()) - before;
  expect(computed).toBeGreaterThanOrEqual(accepted.length);
  expect(computed).toBeLessThanOrEqual(accepted.length + availableParallelism());
  await until(async () => (await spentAttempts()) === 0);
});

test('an aborted login leaves the queue, computes no hash and consumes no attempt', async () => {
  const before = await verified();
  let rounds = 0;
  const computed = async () => (await verified()) - before - rounds;
  /** The number of hashes that were computed beyond those that had started, from forty logins. */
  const computedForAborted = async () => {
    const computedBefore = await computed();
    const queued = await abortLogins();
    await until(async () => (await waiting()) === 0);
    // This login waits in the queue, so running hashes have ended after it.
    const json = { email: emails[0], password: goodPassword };
    expect((await service.rest('POST', '/login/', { json })).status).toBe(200);
    rounds += 1;
    return (await computed()) - computedBefore - queued - availableParallelism();
  };
  // On a busy machine more logins may start between the look at the queue and the abort.
  await expect.poll(computedForAborted, { timeout: 50_000 }).toBeLessThan(0);
  // The last running hash may still consume an attempt.
  await until(async () => (await spentAttempts()) <= (await computed()));
});

/** Sends logins and aborts them when some wait; returns the length of the queue before. */
async function abortLogins(): Promise<number> {
  const abort = new AbortController();
  const aborted = Array.from({ length: 40 }, () =>
    fetch(`${service.address}/auth/login/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: newAddress(), password: 'not the password' }),
      signal: abort.signal,
    }).catch(() => undefined),
  );
  let queued = 0;
  await until(async () => {
    queued = await waiting();
    return queued > 2; // the queue holds fewer than 40 at this speed
  });
  abort.abort();
  await Promise.all(aborted);
  return queued;
}
