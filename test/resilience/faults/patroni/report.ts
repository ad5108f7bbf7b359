/** Prints the results of a run. */
import type { Aftermath } from '../support/aftermath.ts';
import type { Breach } from '../support/auditor.ts';
import { gapsAfter, median } from '../support/gaps.ts';
import type { Journal } from '../support/recorder.ts';

const shownPerPromise = 5;

export function report(run: {
  readonly journal: Journal;
  readonly aftermath: Aftermath;
  readonly breaches: readonly Breach[];
}): void {
  const { journal, aftermath, breaches } = run;
  const outcomes = Map.groupBy(journal.requests, ({ answer }) => answer?.outcome ?? 'unknown');
  const count = (outcome: 'acknowledged' | 'refused' | 'unknown') =>
    outcomes.get(outcome)?.length ?? 0;
  console.log(
    `${journal.requests.length} requests: ${count('acknowledged')} acknowledged, ` +
      `${count('refused')} refused, ${count('unknown')} unknown.`,
  );
  console.log(
    `${aftermath.accounts.size} accounts, ${aftermath.sessions.size} sessions, ` +
      `${aftermath.mails.length} mails, ${aftermath.waitingJobs} jobs waiting.`,
  );
  const gaps = gapsAfter('killed', journal).map(({ seconds }) => seconds);
  console.log(`Seconds without a write, by kill: ${gaps.map((it) => it.toFixed(1)).join(' ')}`);
  console.log(`Median ${median(gaps).toFixed(1)}, longest ${Math.max(...gaps).toFixed(1)}.`);
  for (const [promise, broken] of Map.groupBy(breaches, (breach) => breach.promise)) {
    console.log(`\n${broken.length} BREACHES: ${promise}`);
    for (const { evidence } of broken.slice(0, shownPerPromise)) console.log(`  ${evidence}`);
  }
  if (breaches.length === 0) console.log('No promise was broken.');
}
