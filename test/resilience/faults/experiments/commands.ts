/** Commands that are killed at random times and run in pairs, or beside replicas under load. */
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

/** The number of superusers, and of those that are complete. */
async function superusers({ postgres }: CommandEnv): Promise<{ all: number; complete: number }> {
  const [row] = await postgres.query<{ all: number; complete: number }>(
    `select count(*)::int as all, count(*) filter (where status = 'ACTIVE' and exists (
        select 1 from user_groups join groups on groups.id = group_id
        where user_id = users.id and name = 'Root')
      and exists (select 1 from password_hashes where user_id = users.id))::int as complete
     from users where is_superuser`,
  );
  return row ?? { all: 0, complete: 0 };
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
      await using env = await openCommandEnv();
      const { environment } = env;
      await spawnCommand(['migrate'], { environment });
      const breaches: Breach[] = [];
      const start = (round: number) =>
        startCommand(argsOf(round), { environment, input: password });
      for (let round = 0; round < rounds; round += 1) {
        const pair = await Promise.all([start(round), start(round)]);
        await sleep(500 + Math.random() * 1500);
        await Promise.all(pair.map((it) => it.end('SIGKILL')));
        const { all, complete } = await superusers(env);
        breaches.push(
          ...expectThat(all === complete, 'every superuser is complete', `${complete} of ${all}`),
        );
        const last = await Promise.all([start(round), start(round)]);
        const ends = await Promise.all(last.map(({ ended }) => ended));
        const outputs = ends.map(({ code, stderr }) => `${code} ${stderr}`).join(' | ');
        const areExpected = ends.every(
          ({ code, stderr }) => code === 0 || /^ALREADY_EXISTS/.test(stderr),
        );
        breaches.push(
          ...expectThat(
            areExpected,
            'of a pair of commands each succeeds or finds the user',
            outputs,
          ),
        );
      }
      const { all, complete } = await superusers(env);
      const isExpected = all === expected(rounds) && complete === all;
      breaches.push(
        ...expectThat(
          isExpected,
          'the number of superusers is as requested',
          `${complete} of ${all}`,
        ),
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

/** Signing keys are rotated repeatedly under load, with a short lead time. */
export const keyRotation: Experiment = {
  name: 'key-rotation',
  rounds: 10,
  async run(rounds) {
    await using scenario = await openScenario({ replicas: 3 });
    for (let round = 0; round < rounds; round += 1) {
      await scenario.progress();
      const options = { environment: scenario.environment };
      const { code, stderr } = await spawnCommand(['keys', 'rotate', '--lead', '2'], options);
      scenario.breaches.push(...expectThat(code === 0, 'a key can be rotated', stderr));
    }
    return await scenario.finish();
  },
};
