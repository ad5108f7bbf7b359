/** Migrations that are killed in the middle and run in pairs, alone and beside replicas at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { migrationNames } from '../../../../src/database/migrations/migrations.ts';
import { spawnCommand, startCommand, type Variables } from '../../../support/command.ts';
import type { Breach } from '../support/auditor.ts';
import { createSuperuserArgs, openCommandEnv, password } from '../support/command-env.ts';
import { type Experiment, expectThat, resultOf } from '../support/experiment.ts';
import { openScenario } from '../support/scenario.ts';

/** Two at once. */
async function migrateTwice(environment: Variables): Promise<Breach[]> {
  const pair = [1, 2].map(() => spawnCommand(['migrate'], { environment }));
  const ends = await Promise.all(pair);
  const said = ends.map(({ code, stderr }) => `${code} ${stderr}`).join(' | ');
  const areGood = ends.every(({ code }) => code === 0);
  return expectThat(areGood, 'two migrations at once end well', said);
}

/** Killed in the middle: nothing of it is there, and the next one, or two at once, do all of it. */
export const migrationKilled: Experiment = {
  name: 'migration-killed',
  rounds: 8,
  async run(rounds) {
    await using room = await openCommandEnv();
    const { postgres, environment } = room;
    const breaches: Breach[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await postgres.query('drop schema if exists graphile_worker cascade');
      await postgres.query('drop schema public cascade');
      await postgres.query('create schema public');
      const killed = await startCommand(['migrate'], { environment });
      await sleep(600 + Math.random() * 900);
      await killed.end('SIGKILL');
      breaches.push(...(await migrateTwice(environment)));
      const made = await spawnCommand([...createSuperuserArgs, 'root@example.com'], {
        environment,
        input: password,
      });
      breaches.push(...expectThat(made.code === 0, 'the schema is whole', made.stderr));
    }
    return resultOf(breaches);
  },
};

const latest = '20261124000008-steady-speed';
/** The schema as it was before the latest migration. */
const undoLatest = [
  'drop trigger users_announce_update on users',
  'drop function announce_changed_users()',
  `create trigger users_announce_update after update on users
     referencing new table as changed
     for each statement execute function announce_changes('user', 'id')`,
  `delete from mikro_orm_migrations where name = '${latest}'`,
];

/** Replicas serve while a migration waits, is killed and runs again beside them. */
export const migrationUnderLoad: Experiment = {
  name: 'migration-under-load',
  rounds: 5,
  async run(rounds) {
    await using stage = await openScenario();
    const { environment } = stage;
    if (migrationNames.at(-1) !== latest) throw new Error('there is a later migration to undo');
    for (let round = 0; round < rounds; round += 1) {
      await stage.progress();
      for (const statement of undoLatest) await stage.postgres.query(statement);
      const killed = await startCommand(['migrate'], { environment });
      await sleep(Math.random() * 1500);
      await killed.end('SIGKILL');
      stage.breaches.push(...(await migrateTwice(environment)));
    }
    return await stage.finish();
  },
};
