/** Server processes that are killed, terminated or frozen. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Breach } from '../support/auditor.ts';
import { type Experiment, expectThat } from '../support/experiment.ts';
import { openScenario, type Scenario, underLoad } from '../support/scenario.ts';
import { slowness } from '../support/slowness.ts';

/** Maximum time from the start of the process to its readiness. */
const startMilliseconds = 3_000;
const endMilliseconds = 10_000;

async function killAndStart({ replicas, breaches }: Scenario, index: number): Promise<number> {
  const replica = replicas[index];
  if (!replica) throw new Error('no such replica');
  await replica.end('SIGKILL');
  const begin = performance.now();
  await replica.start();
  await replica.untilReady();
  const milliseconds = performance.now() - begin;
  const evidence = `${Math.round(milliseconds)} ms`;
  breaches.push(
    ...expectThat(milliseconds < startMilliseconds * slowness, 'ready again in 3 s', evidence),
  );
  return milliseconds;
}

export const killServer: Experiment = {
  name: 'kill-server',
  rounds: 100,
  run: (rounds) =>
    underLoad(rounds, { replicas: 1 }, async (scenario) => {
      await sleep(Math.random() * 500);
      scenario.recoveries.push(await killAndStart(scenario, 0));
    }),
};

/** With fewer users, because three replicas and a starting one share the processors. */
export const killReplica: Experiment = {
  name: 'kill-replica',
  rounds: 20,
  run: (rounds) =>
    underLoad(rounds, { replicas: 3, people: 4 }, async (scenario, round) => {
      await sleep(Math.random() * 500);
      await killAndStart(scenario, round % 3);
    }),
};

/** As in a rolling restart: the balancer sends no new requests to the replica, and running ones finish. */
export const drainReplica: Experiment = {
  name: 'drain-replica',
  rounds: 10,
  async run(rounds) {
    await using scenario = await openScenario({ replicas: 3 });
    for (let round = 0; round < rounds; round += 1) {
      await scenario.progress();
      await drainAndStart(scenario, round % 3);
    }
    scenario.breaches.push(...failures(scenario));
    return await scenario.finish();
  },
};

async function drainAndStart({ replicas, balancer, breaches }: Scenario, index: number) {
  const replica = replicas[index];
  if (!replica) throw new Error('no such replica');
  balancer.drain(replica.address);
  const begin = performance.now();
  const code = await replica.end('SIGTERM');
  const milliseconds = performance.now() - begin;
  const evidence = `${code} after ${Math.round(milliseconds)} ms`;
  const isExpected = code === 0 && milliseconds < endMilliseconds;
  breaches.push(...expectThat(isExpected, 'SIGTERM ends it with 0 in 10 s', evidence));
  await replica.start();
  await replica.untilReady();
  balancer.undrain(replica.address);
}

function failures(scenario: Scenario): Breach[] {
  return scenario
    .journal()
    .requests.filter(({ answer }) => answer?.outcome === 'unknown')
    .map(({ operation, answer }) => ({
      promise: 'no request fails while a replica drains',
      evidence: `${operation}: ${answer?.status ?? ''} ${answer?.code ?? ''}`,
    }));
}

export const freezeReplica: Experiment = {
  name: 'freeze-replica',
  rounds: 3,
  run: (rounds) =>
    underLoad(rounds, { replicas: 2 }, async ({ replicas }, round) => {
      const replica = replicas[round % 2];
      replica?.freeze();
      await sleep(10_000);
      replica?.thaw();
    }),
};

/** SIGTERM without draining: the server ends in time, and nothing is lost. */
export const terminateServer: Experiment = {
  name: 'terminate-server',
  rounds: 5,
  async run(rounds) {
    await using scenario = await openScenario({ replicas: 1 });
    const [replica] = scenario.replicas;
    for (let round = 0; replica && round < rounds; round += 1) {
      await scenario.progress();
      const code = await replica.end('SIGTERM');
      scenario.breaches.push(
        ...expectThat(code === 0, 'SIGTERM ends it with 0 in 10 s', `${code}`),
      );
      await replica.start();
      await scenario.recover();
    }
    return await scenario.finish();
  },
};
