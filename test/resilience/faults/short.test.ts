/** The short form of `npm run faults`: one round of the most important experiments. */
import { expect, test } from 'vitest';
import { commitLost, postgresStop } from './experiments/database.ts';
import { killServer } from './experiments/processes.ts';
import type { Experiment } from './support/experiment.ts';

const rounds = 1;

test.concurrent.for([killServer, postgresStop, commitLost])(
  '$name breaks no promise',
  {
    timeout: 120_000,
  },
  async (experiment: Experiment, { skip }) => {
    const result = await experiment.run(rounds);
    if ('reason' in result) return skip(result.reason);
    expect(result.breaches).toEqual([]);
    expect(result.acknowledged).toBeGreaterThan(0);
  },
);
