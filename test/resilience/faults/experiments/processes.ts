/** Server processes that are killed, told to end, or frozen. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Breach } from '../support/auditor.ts';
import { type Experiment, expectThat } from '../support/experiment.ts';
import { openScenario, type Scenario, underLoad } from '../support/scenario.ts';
import { slowness } from '../support/slowness.ts';

/** From the start of the process to its readiness. */
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
    underLoad(rounds, { replicas: 1 }, async (stage) => {
      await sleep(Math.random() * 500);
      stage.recoveries.push(await killAndStart(stage, 0));
    }),
};

/** Three replicas and a start beside them share the processors: with a few people less there is room. */
export const killReplica: Experiment = {
  name: 'kill-replica',
  rounds: 20,
  run: (rounds) =>
    underLoad(rounds, { replicas: 3, people: 4 }, async (stage, round) => {
      await sleep(Math.random() * 500);
      await killAndStart(stage, round % 3);
    }),
};

/** As in a rolling restart: the balancer sends nothing more to it, what is under way is finished. */
export const drainReplica: Experiment = {
  name: 'drain-replica',
  rounds: 10,
  async run(rounds) {
    await using stage = await openScenario({ replicas: 3 });
    for (let round = 0; round < rounds; round += 1) {
      await stage.progress();
      await drainAndStart(stage, round % 3);
    }
    stage.breaches.push(...failures(stage));
    return await stage.finish();
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
  const isGood = code === 0 && milliseconds < endMilliseconds;
  breaches.push(...expectThat(isGood, 'SIGTERM ends it with 0 in 10 s', evidence));
  await replica.start();
  await replica.untilReady();
  balancer.undrain(replica.address);
}

function failures(stage: Scenario): Breach[] {
  return stage
    .journal()
    .requests.filter(({ answer }) => answer?.outcome === 'unknown')
    .map(({ operation, answer }) => ({
      promise: 'no request fails while one drains',
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

/** SIGTERM while nobody drains it first: it still ends in time, and nothing is lost. */
export const terminateServer: Experiment = {
  name: 'terminate-server',
  rounds: 5,
  async run(rounds) {
    await using stage = await openScenario({ replicas: 1 });
    const [replica] = stage.replicas;
    for (let round = 0; replica && round < rounds; round += 1) {
      await stage.progress();
      const code = await replica.end('SIGTERM');
      stage.breaches.push(...expectThat(code === 0, 'SIGTERM ends it with 0 in 10 s', `${code}`));
      await replica.start();
      await stage.recover();
    }
    return await stage.finish();
  },
};
