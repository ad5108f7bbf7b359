/** The time from a registration to its mail, and from a revocation to its effect in another process. */
import type { BenchEnv } from '../env.ts';
import { percentile } from '../measure.ts';
import { graphql, jsonHeaders, logIn, seedPeople } from '../people.ts';
import type { ServerProcess } from '../process.ts';
import type { PartResult } from '../report.ts';

const registerDocument =
  'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';

export async function measureLatency(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('latency');
  await using one = await env.gatehouse(database);
  await using other = await env.gatehouse(database);
  await seedPeople(database, 10);
  const mails = await mailMilliseconds(one, env);
  const revocations = await revocationMilliseconds(one, other, env.isQuick ? 30 : 200);
  return {
    measured: [],
    ratios: [
      {
        metric: 'from the response of `register` to the mail accepted by SMTP, p50',
        value: percentile(mails, 0.5),
        unit: 'ms',
        atMost: 50,
      },
      { metric: '— p99', value: percentile(mails, 0.99), unit: 'ms' },
      {
        metric: 'revocation effective in the other process, p99',
        value: percentile(revocations, 0.99),
        unit: 'ms',
        atMost: 50,
      },
      { metric: '— p50', value: percentile(revocations, 0.5), unit: 'ms' },
    ],
  };
}

async function mailMilliseconds({ address }: ServerProcess, env: BenchEnv): Promise<number[]> {
  const milliseconds: number[] = [];
  const times = env.isQuick ? 15 : 100;
  for (let count = 0; count < times + warmUp; count += 1) {
    const email = `new-${count}@example.com`;
    const arrival = env.arrivalOf(email);
    const input = {
      email,
      password: 'a long and unusual passphrase',
      firstName: 'Ada',
      lastName: 'L',
    };
    await graphql(address, JSON.stringify({ query: registerDocument, variables: { input } }));
    const answeredAt = performance.now();
    const arrivedAt = await arrival;
    if (count >= warmUp) milliseconds.push(Math.max(0, arrivedAt - answeredAt));
  }
  return milliseconds;
}

const warmUp = 3;

/** From the response of a logout in one process to the first rejection in the other, under continuous requests. */
async function revocationMilliseconds(
  one: ServerProcess,
  other: ServerProcess,
  times: number,
): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let count = 0; count < times; count += 1) {
    const { accessToken } = await logIn(one.address, (count % 10) + 1);
    if (!(await isLoggedIn(other, accessToken)))
      throw new Error('the other process rejects the token');
    const body = JSON.stringify({ query: 'mutation { logout { __typename } }' });
    await graphql(one.address, body, accessToken);
    const endedAt = performance.now();
    while (await isLoggedIn(other, accessToken));
    milliseconds.push(performance.now() - endedAt);
  }
  return milliseconds;
}

async function isLoggedIn({ address }: ServerProcess, accessToken: string): Promise<boolean> {
  const headers = jsonHeaders(accessToken);
  const { status, body } = await fetch(`${address}/auth/profile/view/`, { headers });
  await body?.cancel();
  return status === 200;
}
