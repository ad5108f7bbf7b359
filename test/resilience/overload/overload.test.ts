/** More logins than can be checked: who is let in, who is not, who goes away, and what that costs whom. */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
const emails: string[] = [];
/** So costly that a line forms, however fast the machine and slow the way there. */
const costInput = { PASSWORD_HASH_MEMORY_KIB: '65536', PASSWORD_HASH_ITERATIONS: '5' };
const figures = 'network=9999/600,account-network=9999/600,account=9999/600';

beforeAll(async () => {
  service = await startService({
    hasCostlyHashes: true,
    environment: { ...costInput, RATE_LIMITS: figures },
  });
  // One after the other: nobody of them is to be refused.
  for (let count = 0; count < 8; count += 1) emails.push((await somebody(service)).email);
});
afterAll(() => service.close());

/** How many of its kind `/metrics` counts. */
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

/** Many logins at the same moment, by turns over REST and GraphQL; each notes when it was answered. */
function crowd(count: number, password = goodPassword) {
  const order: string[] = [];
  const answers = Array.from({ length: count }, async (_, index) => {
    const input = { email: emails[index % emails.length], password };
    const answer =
      index % 2 === 0
        ? await service.rest('POST', '/login/', { json: input })
        : await service.graphql(document, { input });
    order.push(/OVERLOADED/.test(answer.text) ? 'refused' : 'let in');
    return answer;
  });
  return { order, answers: Promise.all(answers) };
}

test('a crowd: some are let in and get their tokens, the others hear at once when to come again', async () => {
  const before = await verified();
  const { order, answers } = crowd(150);
  const all = await answers;
  const refused = all.filter(({ text }) => text.includes('OVERLOADED'));
  const letIn = all.filter(({ text }) => !text.includes('OVERLOADED'));
  expect(letIn.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  for (const { status, text } of letIn) {
    expect(status).toBe(200);
    expect(text).toMatch(/access_?token/i);
  }
  for (const { status, headers, text } of refused) {
    const retryAfter = headers.get('retry-after') ?? /"retryAfter":(\d+)/.exec(text)?.[1];
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    expect(Number(retryAfter)).toBeLessThanOrEqual(10);
    if (status === 503) expect(headers.get('retry-after')).not.toBeNull();
  }
  expect(order.indexOf('refused')).toBeLessThan(order.lastIndexOf('let in'));
  // One hash for whoever was let in, and none for the others but what had begun when their time was up.
  const computed = (await verified()) - before;
  expect(computed).toBeGreaterThanOrEqual(letIn.length);
  expect(computed).toBeLessThanOrEqual(letIn.length + availableParallelism());
  await until(async () => (await spentAttempts()) === 0);
});

test('who hangs up is out of the line, costs no hash, and keeps the attempts', async () => {
  const before = await verified();
  const hangUp = new AbortController();
  const gone = Array.from({ length: 40 }, () =>
    fetch(`${service.address}/auth/login/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: newAddress(), password: 'not the password' }),
      signal: hangUp.signal,
    }).catch(() => undefined),
  );
  await until(async () => (await waiting()) > 12); // of the twenty that are a line at this pace
  hangUp.abort();
  await Promise.all(gone);
  await until(async () => (await waiting()) === 0);
  // Waits its turn: what had begun is done by then.
  expect(
    (await service.rest('POST', '/login/', { json: { email: emails[0], password: goodPassword } }))
      .status,
  ).toBe(200);
  const computed = async () => (await verified()) - before - 1;
  expect(await computed()).toBeLessThan(10);
  // One that the last one of them had begun may still be under way.
  await until(async () => (await spentAttempts()) <= (await computed()));
});
