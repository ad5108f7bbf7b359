/** PostgreSQL is stopped, killed or frozen, a backend is killed, a table is locked, or a commit reply is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type DatabaseWire, openDatabaseWire } from '../../../support/database-wire.ts';
import { type Experiment, expectThat } from '../support/experiment.ts';
import type { Replica } from '../support/replica.ts';
import { openScenario, type Scenario, underLoad } from '../support/scenario.ts';
import { slowness } from '../support/slowness.ts';

const lossMilliseconds = 2_000;
const returnMilliseconds = 5_000;
/** While the database is away every replica is alive and not ready; afterwards it is ready. */
async function loseDatabase(
  scenario: Scenario,
  { lose, away, bringBack }: { lose(): Promise<void>; away: number; bringBack(): Promise<void> },
): Promise<void> {
  const { replicas, breaches } = scenario;
  await lose();
  const lost = await Promise.all(replicas.map((it) => it.untilNotReady()));
  breaches.push(
    ...expectThat(
      Math.max(...lost) < lossMilliseconds * slowness,
      'readiness fails within 2 s of the loss of the database',
      `${lost.map(Math.round)} ms`,
    ),
  );
  await sleep(away / 2);
  breaches.push(...(await checkLiveness(replicas)));
  await sleep(away / 2);
  await bringBack();
  const back = await Promise.all(replicas.map((it) => it.untilReady()));
  scenario.recoveries.push(Math.max(...back));
  breaches.push(
    ...expectThat(
      Math.max(...back) < returnMilliseconds * slowness,
      'ready within 5 s of the return of the database',
      `${back.map(Math.round)} ms`,
    ),
  );
}

async function checkLiveness(replicas: readonly Replica[]) {
  const states = await Promise.all(replicas.map((it) => it.health('live')));
  return expectThat(
    states.every((it) => it === 200),
    'a running process is live',
    states.join(' '),
  );
}

function endings(name: string, signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Experiment {
  return {
    name,
    rounds: 5,
    run: (rounds) =>
      underLoad(rounds, {}, (scenario) =>
        loseDatabase(scenario, {
          lose: () => scenario.postgres.end(signal),
          away: 2_000,
          bringBack: scenario.postgres.start,
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
    underLoad(rounds, {}, (scenario) =>
      loseDatabase(scenario, {
        lose: scenario.postgres.freeze,
        away: 6_000,
        bringBack: scenario.postgres.thaw,
      }),
    ),
};

/** When a backend is killed, the postmaster ends all other backends and recovers. */
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
      breaches.push(...(await checkLiveness(replicas)));
      await operator.end();
    }),
};

/** The ends of transactions, and the statements of login, refresh and registration, which are transactions. */
const commits =
  /^commit|from log_in|^update sessions s set refresh_counter|^select add_registration/i;

/** The database commits, and the service does not receive the reply. */
export const commitLost: Experiment = {
  name: 'commit-answer-lost',
  rounds: 20,
  async run(rounds) {
    let wire: DatabaseWire | undefined;
    const throughWire = async (url: string) => {
      wire = await openDatabaseWire(url);
      return wire.url;
    };
    await using scenario = await openScenario({ replicas: 1, throughWire });
    await using openWire = wire;
    for (let round = 0; openWire && round < rounds; round += 1) {
      await scenario.progress(10);
      const { reached } = openWire.holdAnswerTo(commits);
      await reached;
      await openWire.cut();
      await sleep(Math.random() * 500);
      await openWire.mend();
      await scenario.recover();
    }
    return await scenario.finish();
  },
};
