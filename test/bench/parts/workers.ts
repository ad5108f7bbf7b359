/** The throughput with a second server process, if a processor is free beside the load generator and the database. */
import { requestOf, usual } from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import { logIn, seedPeople } from '../people.ts';
import type { ServerProcess } from '../process.ts';
import type { PartResult } from '../report.ts';
import { httpSubject, interleave, named, ratio, type Subject } from '../sampling.ts';

const one = 'Gatehouse: me, one worker';
const two = 'Gatehouse: me, two workers';

export async function measureWorkers(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('workers');
  await using single = await env.gatehouse(database);
  await using double = await env.gatehouse(database, { WORKERS: '2' });
  await seedPeople(database, 1);
  const measured = await interleave(
    [await subject(one, single), await subject(two, double)],
    env.effort,
  );
  const value = ratio(named(measured, two), named(measured, one));
  return {
    measured,
    ratios: [{ metric: '`WORKERS=2`: `me`, one worker = 1', value, atLeast: 1.5 }],
  };
}

/** The processor time of several workers is not reported, because they are child processes. */
async function subject(name: string, { pid, address }: ServerProcess): Promise<Subject> {
  const { accessToken } = await logIn(address, 1);
  return httpSubject(
    name,
    { pid: name === one ? pid : 0 },
    {
      address,
      requests: [requestOf(usual, 'me', { ACCESS_TOKEN: accessToken })],
      expected: '"email"',
      connections: 64,
    },
  );
}
