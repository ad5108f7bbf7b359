/**
 * `npm run faults`: runs the fault injection experiments and reports broken promises.
 * `npm run faults -- kill-server postgres-stop` runs only these; `ROUNDS=3` sets the number of rounds.
 */
import { experiments } from './experiments/experiments.ts';
import type { Experiment, Result } from './support/experiment.ts';

const shownPerPromise = 3;

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !experiments.some((it) => it.name === name));
  if (unknown.length > 0 || names.includes('--help')) {
    const known = experiments.map(({ name }) => name).join('\n  ');
    console.error(`Experiments:\n  ${known}`);
    return 2;
  }
  const chosen = experiments.filter(({ name }) => names.length === 0 || names.includes(name));
  let broken = 0;
  for (const experiment of chosen) if (!(await runOne(experiment))) broken += 1;
  return broken === 0 ? 0 : 1;
}

async function runOne(experiment: Experiment): Promise<boolean> {
  const rounds = Number(process.env.ROUNDS ?? experiment.rounds);
  const name = experiment.name.padEnd(24);
  try {
    const result = await experiment.run(rounds);
    if ('reason' in result) {
      console.log(`${name} skipped: ${result.reason}`);
      return true;
    }
    console.log(`${name} ${describe(rounds, result)}`);
    printError(result);
    return result.breaches.length === 0;
  } catch (error) {
    console.log(`${name} FAILED: ${error instanceof Error ? error.stack : error}`);
    return false;
  }
}

function describe(rounds: number, result: Result): string {
  const { acknowledged, unknown, worst, recoveries, breaches } = result;
  const slowest =
    recoveries.length === 0 ? '–' : `${(Math.max(...recoveries) / 1000).toFixed(1)} s`;
  return [
    `${rounds} rounds`,
    `${acknowledged} acknowledged`,
    `${unknown} unknown`,
    `slowest response ${(worst / 1000).toFixed(1)} s`,
    `recovery ${slowest}`,
    breaches.length === 0 ? 'no breach' : `${breaches.length} BREACHES`,
  ].join(', ');
}

function printError({ breaches }: Result): void {
  for (const [promise, broken] of Map.groupBy(breaches, (breach) => breach.promise)) {
    console.log(`  ${promise}: ${broken.length} breaches`);
    for (const { evidence } of broken.slice(0, shownPerPromise)) console.log(`    ${evidence}`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main(process.argv.slice(2));
