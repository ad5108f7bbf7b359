/** The time from a registration to its mail, and from a revocation to its effect in another process. */
import { apolloClientRequest } from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import { ask, logIn, registerRequest, seedPeople } from '../people.ts';
import type { ServerProcess } from '../process.ts';
import type { PartResult } from '../report.ts';
import { percentile } from '../sampling.ts';

const logoutDocument = 'mutation Logout {\n  logout {\n    __typename\n  }\n}';

export async function measureLatency(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('latency');
  await using one = await env.gatehouse(database, { TRUST_PROXY: '1' });
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
    await ask(address, registerRequest(count));
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
    await ask(one.address, apolloClientRequest(logoutDocument, {}, accessToken));
    const endedAt = performance.now();
    while (await isLoggedIn(other, accessToken));
    milliseconds.push(performance.now() - endedAt);
  }
  return milliseconds;
}

async function isLoggedIn({ address }: ServerProcess, accessToken: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const { status, body } = await fetch(`${address}/auth/profile/view/`, { headers });
  await body?.cancel();
  return status === 200;
}
