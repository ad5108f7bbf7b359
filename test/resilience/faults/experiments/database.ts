/** PostgreSQL stops, dies, freezes, is locked or full. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type DatabaseWire, openDatabaseWire } from '../../../support/database-wire.ts';
import { type Experiment, expectThat } from '../support/experiment.ts';
import type { Replica } from '../support/replica.ts';
import { openScenario, type Scenario, underLoad } from '../support/scenario.ts';
import { slowness } from '../support/slowness.ts';

const lossMilliseconds = 2_000;
const returnMilliseconds = 5_000;
/** While `away` lasts every replica lives and says that it is not ready; afterwards it is. */
async function watched(
  stage: Scenario,
  { lose, away, bringBack }: { lose(): Promise<void>; away: number; bringBack(): Promise<void> },
): Promise<void> {
  const { replicas, breaches } = stage;
  await lose();
  const lost = await Promise.all(replicas.map((it) => it.untilNotReady()));
  breaches.push(
    ...expectThat(
      Math.max(...lost) < lossMilliseconds * slowness,
      'a lost database is told within 2 s',
      `${lost.map(Math.round)} ms`,
    ),
  );
  await sleep(away / 2);
  breaches.push(...(await whetherAlive(replicas)));
  await sleep(away / 2);
  await bringBack();
  const back = await Promise.all(replicas.map((it) => it.untilReady()));
  stage.recoveries.push(Math.max(...back));
  breaches.push(
    ...expectThat(
      Math.max(...back) < returnMilliseconds * slowness,
      'ready within 5 s of the return of the database',
      `${back.map(Math.round)} ms`,
    ),
  );
}

async function whetherAlive(replicas: readonly Replica[]) {
  const states = await Promise.all(replicas.map((it) => it.health('live')));
  return expectThat(
    states.every((it) => it === 200),
    'whoever lives says so',
    states.join(' '),
  );
}

function endings(name: string, signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Experiment {
  return {
    name,
    rounds: 5,
    run: (rounds) =>
      underLoad(rounds, {}, (stage) =>
        watched(stage, {
          lose: () => stage.postgres.end(signal),
          away: 2_000,
          bringBack: stage.postgres.start,
        }),
      ),
  };
}

export const postgresRestart = endings('postgres-restart', 'SIGINT');
export const postgresStop = endings('postgres-stop', 'SIGQUIT');
export const postgresKill = endings('postgres-kill', 'SIGKILL');

export const postgresFreeze: Experiment = {
  name: 'postgres-freeze',
  rounds: 3,
  run: (rounds) =>
    underLoad(rounds, {}, (stage) =>
      watched(stage, {
        lose: stage.postgres.freeze,
        away: 6_000,
        bringBack: stage.postgres.thaw,
      }),
    ),
};

/** The postmaster ends all others and recovers when one backend dies so. */
export const postgresBackend: Experiment = {
  name: 'postgres-kill-backend',
  rounds: 5,
  run: (rounds) =>
    underLoad(rounds, {}, async ({ postgres }, round) => {
      const names = ['gatehouse-main', 'gatehouse-jobs', 'gatehouse-change-feed'];
      await postgres.killBackend(names[round % names.length] ?? '');
      await sleep(500);
    }),
};

export const postgresLock: Experiment = {
  name: 'postgres-lock',
  rounds: 3,
  run: (rounds) =>
    underLoad(rounds, {}, async ({ postgres, replicas, breaches }, round) => {
      const table = ['users', 'sessions', 'one_time_passwords'][round % 3];
      const operator = new Client({ connectionString: postgres.url });
      await operator.connect();
      await operator.query('begin');
      await operator.query(`lock table ${table}`);
      await sleep(10_000);
      breaches.push(...(await whetherAlive(replicas)));
      await operator.end();
    }),
};

/** The database has committed, and whoever asked never hears of it. */
export const commitLost: Experiment = {
  name: 'commit-answer-lost',
  rounds: 20,
  async run(rounds) {
    let wire: DatabaseWire | undefined;
    const throughWire = async (url: string) => {
      wire = await openDatabaseWire(url);
      return wire.url;
    };
    await using stage = await openScenario({ replicas: 1, throughWire });
    await using there = wire;
    for (let round = 0; there && round < rounds; round += 1) {
      await stage.progress(10);
      const { reached } = there.holdAnswerTo(/^commit/i);
      await reached;
      await there.cut();
      await sleep(Math.random() * 500);
      await there.mend();
      await stage.recover();
    }
    return await stage.finish();
  },
};
