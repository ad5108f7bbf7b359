/** Commands that are killed at random moments and run in pairs, or beside replicas at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnCommand, startCommand } from '../../../support/command.ts';
import type { Breach } from '../support/auditor.ts';
import {
  type CommandEnv,
  createSuperuserArgs,
  openCommandEnv,
  password,
} from '../support/command-env.ts';
import { type Experiment, expectThat, type Result, resultOf } from '../support/experiment.ts';
import { openScenario } from '../support/scenario.ts';

/** Superusers, and how many of them are whole. */
async function superusers({ postgres }: CommandEnv): Promise<{ all: number; whole: number }> {
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
      await using room = await openCommandEnv();
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

export const createSuperuser = killedInPairs(
  'createsuperuser-killed',
  (round) => [...createSuperuserArgs, `root-${round}@example.com`],
  (rounds) => rounds,
);
export const defaultAdmin = killedInPairs(
  'initdefaultadmin-killed',
  () => ['initdefaultadmin'],
  () => 1,
);

/** A new key is published and signs at once, again and again, while everybody works. */
export const keyRotation: Experiment = {
  name: 'key-rotation',
  rounds: 10,
  async run(rounds) {
    await using stage = await openScenario({ replicas: 3 });
    for (let round = 0; round < rounds; round += 1) {
      await stage.progress();
      const options = { environment: stage.environment };
      const { code, stderr } = await spawnCommand(['keys', 'rotate', '--lead', '2'], options);
      stage.breaches.push(...expectThat(code === 0, 'a key can be rotated', stderr));
    }
    return await stage.finish();
  },
};
