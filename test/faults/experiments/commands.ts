/** Commands that are killed at random moments and run in pairs; migrations among them. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  environmentOf,
  spawnCommand,
  startCommand,
  type Variables,
} from '../../support/command.ts';
import { startMailServer } from '../../support/mail-server.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import type { Breach } from '../support/auditor.ts';
import { type Experiment, expectThat, type Result, resultOf } from '../support/experiment.ts';
import { openStage } from '../support/stage.ts';

const password = 'a password for the time of trouble';

interface Room extends AsyncDisposable {
  readonly postgres: Postgres;
  readonly environment: Variables;
}

async function openRoom(): Promise<Room> {
  await using opening = new AsyncDisposableStack();
  const postgres = opening.use(await startPostgres());
  const mail = await startMailServer();
  opening.defer(() => mail.close());
  const admin = { DEFAULT_ADMIN_EMAIL: 'root@example.com', DEFAULT_ADMIN_PASSWORD: password };
  const environment = { ...environmentOf(postgres, mail), ...admin };
  const opened = opening.move();
  return { postgres, environment, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Superusers, and how many of them are whole. */
async function superusers({ postgres }: Room): Promise<{ all: number; whole: number }> {
  const [row] = await postgres.query<{ all: number; whole: number }>(
    `select count(*)::int as all, count(*) filter (where status = 'ACTIVE' and exists (
        select 1 from user_groups join groups on groups.id = group_id
        where user_id = users.id and name = 'Root')
      and exists (select 1 from password_hashes where user_id = users.id))::int as whole
     from users where is_superuser`,
  );
  return row ?? { all: 0, whole: 0 };
}

/** Kills pairs of a command at random moments, then lets a pair finish. */
function killedInPairs(
  name: string,
  argsOf: (round: number) => string[],
  expected: (rounds: number) => number,
): Experiment {
  return {
    name,
    rounds: 10,
    async run(rounds): Promise<Result> {
      await using room = await openRoom();
      const { environment } = room;
      await spawnCommand(['migrate'], { environment });
      const breaches: Breach[] = [];
      const start = (round: number) =>
        startCommand(argsOf(round), { environment, input: password });
      for (let round = 0; round < rounds; round += 1) {
        const pair = await Promise.all([start(round), start(round)]);
        await sleep(500 + Math.random() * 1500);
        await Promise.all(pair.map((it) => it.end('SIGKILL')));
        const { all, whole } = await superusers(room);
        breaches.push(...expectThat(all === whole, 'no half-made superuser', `${whole} of ${all}`));
        const last = await Promise.all([start(round), start(round)]);
        const ends = await Promise.all(last.map(({ ended }) => ended));
        const said = ends.map(({ code, stderr }) => `${code} ${stderr}`).join(' | ');
        const areGood = ends.every(
          ({ code, stderr }) => code === 0 || /^ALREADY_EXISTS/.test(stderr),
        );
        breaches.push(...expectThat(areGood, 'a pair ends well', said));
      }
      const { all, whole } = await superusers(room);
      const isRight = all === expected(rounds) && whole === all;
      breaches.push(
        ...expectThat(isRight, 'as many superusers as asked for', `${whole} of ${all}`),
      );
      return resultOf(breaches);
    },
  };
}

const create = ['createsuperuser', '--noinput', '--password-stdin', '--email'];
export const createSuperuser = killedInPairs(
  'createsuperuser-killed',
  (round) => [...create, `root-${round}@example.com`],
  (rounds) => rounds,
);
export const defaultAdmin = killedInPairs(
  'initdefaultadmin-killed',
  () => ['initdefaultadmin'],
  () => 1,
);

/** Killed in the middle: nothing of it is there, and the next one, or two at once, do all of it. */
export const migrationKilled: Experiment = {
  name: 'migration-killed',
  rounds: 8,
  async run(rounds) {
    await using room = await openRoom();
    const { postgres, environment } = room;
    const breaches: Breach[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await postgres.query('drop schema if exists graphile_worker cascade');
      await postgres.query('drop schema public cascade');
      await postgres.query('create schema public');
      const killed = await startCommand(['migrate'], { environment });
      await sleep(600 + Math.random() * 900);
      await killed.end('SIGKILL');
      const pair = [1, 2].map(() => spawnCommand(['migrate'], { environment }));
      const ends = await Promise.all(pair);
      const said = ends.map(({ code, stderr }) => `${code} ${stderr}`).join(' | ');
      const areGood = ends.every(({ code }) => code === 0);
      breaches.push(...expectThat(areGood, 'two migrations at once end well', said));
      const made = await spawnCommand([...create, 'root@example.com'], {
        environment,
        input: password,
      });
      breaches.push(...expectThat(made.code === 0, 'the schema is whole', made.stderr));
    }
    return resultOf(breaches);
  },
};

/** Replicas serve while a migration waits, is killed and runs again beside them. */
export const migrationUnderLoad: Experiment = {
  name: 'migration-under-load',
  rounds: 5,
  async run(rounds) {
    await using stage = await openStage();
    const { environment } = stage;
    for (let round = 0; round < rounds; round += 1) {
      await stage.progress();
      // As if the last one had not been there; it makes only what is not there yet.
      const killed = await startCommand(['migrate'], { environment });
      await sleep(Math.random() * 1500);
      await killed.end('SIGKILL');
      const pair = [1, 2].map(() => spawnCommand(['migrate'], { environment }));
      const ends = await Promise.all(pair);
      const said = ends.map(({ code, stderr }) => `${code} ${stderr}`).join(' | ');
      stage.breaches.push(
        ...expectThat(
          ends.every(({ code }) => code === 0),
          'two migrations at once end well',
          said,
        ),
      );
    }
    return await stage.finish();
  },
};

/** A new key is published and signs at once, again and again, while everybody works. */
export const keyRotation: Experiment = {
  name: 'key-rotation',
  rounds: 10,
  async run(rounds) {
    await using stage = await openStage({ replicas: 3 });
    for (let round = 0; round < rounds; round += 1) {
      await stage.progress();
      const options = { environment: stage.environment };
      const { code, stderr } = await spawnCommand(['keys', 'rotate', '--lead', '2'], options);
      stage.breaches.push(...expectThat(code === 0, 'a key can be rotated', stderr));
    }
    return await stage.finish();
  },
};
