/** Migrations that are killed and run in pairs, alone and beside replicas under load. */
import { setTimeout as sleep } from 'node:timers/promises';
import { migrationNames } from '../../../../src/database/migrations/migrations.ts';
import { spawnCommand, startCommand, type Variables } from '../../../support/command.ts';
import type { Breach } from '../support/auditor.ts';
import { createSuperuserArgs, openCommandEnv, password } from '../support/command-env.ts';
import { type Experiment, expectThat, resultOf } from '../support/experiment.ts';
import { openScenario } from '../support/scenario.ts';

/** Runs two migrations concurrently. */
async function migrateTwice(environment: Variables): Promise<Breach[]> {
  const pair = [1, 2].map(() => spawnCommand(['migrate'], { environment }));
  const ends = await Promise.all(pair);
  const outputs = ends.map(({ code, stderr }) => `${code} ${stderr}`).join(' | ');
  const haveSucceeded = ends.every(({ code }) => code === 0);
  return expectThat(haveSucceeded, 'two concurrent migrations succeed', outputs);
}

/** A killed migration leaves no partial changes, and the next ones complete it. */
export const migrationKilled: Experiment = {
  name: 'migration-killed',
  rounds: 8,
  async run(rounds) {
    await using env = await openCommandEnv();
    const { postgres, environment } = env;
    const breaches: Breach[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await postgres.query('drop schema if exists graphile_worker cascade');
      await postgres.query('drop schema public cascade');
      await postgres.query('create schema public');
      const killed = await startCommand(['migrate'], { environment });
      await sleep(600 + Math.random() * 900);
      await killed.end('SIGKILL');
      breaches.push(...(await migrateTwice(environment)));
      const created = await spawnCommand([...createSuperuserArgs, 'root@example.com'], {
        environment,
        input: password,
      });
      breaches.push(...expectThat(created.code === 0, 'the schema is complete', created.stderr));
    }
    return resultOf(breaches);
  },
};

const undone = ['20261128000015-pending-addresses', '20261128000015-purge-of-codes'];
/** The schema as it was before these migrations. They add indexes, without which the replicas work. */
const undo = [
  'drop index users_pending_email_index',
  'drop index one_time_passwords_over_index',
  `delete from mikro_orm_migrations where name in ('${undone.join("', '")}')`,
];

/** Replicas serve requests while a migration waits, is killed and runs again. */
export const migrationUnderLoad: Experiment = {
  name: 'migration-under-load',
  rounds: 5,
  async run(rounds) {
    await using scenario = await openScenario();
    const { environment } = scenario;
    if (undone.some((name) => !migrationNames.includes(name)))
      throw new Error('a migration to undo does not exist');
    for (let round = 0; round < rounds; round += 1) {
      await scenario.progress();
      for (const statement of undo) await scenario.postgres.query(statement);
      const killed = await startCommand(['migrate'], { environment });
      await sleep(Math.random() * 1500);
      await killed.end('SIGKILL');
      scenario.breaches.push(...(await migrateTwice(environment)));
    }
    return await scenario.finish();
  },
};
