/** The end of an experiment: it waits for an empty queue, checks all promises and stops the replicas. */
import { startCommand } from '../../../support/command.ts';
import { until } from '../../../support/until.ts';
import { readAftermath } from './aftermath.ts';
import { audit, type Breach } from './auditor.ts';
import { expectThat, type Result } from './experiment.ts';
import type { Journal } from './recorder.ts';
import { footprintOf, unreleasedResources } from './resources.ts';
import type { Scenario } from './scenario.ts';
import { slowness } from './slowness.ts';

const drainMilliseconds = 90_000;
const bounds = { deadline: 5_000 * slowness, revocation: 3_000 * Math.min(slowness, 4) };

/** Waits for an empty queue, checks the promises and stops the replicas. */
export async function finish(scenario: Scenario): Promise<Result> {
  const { postgres, mail, replicas } = scenario;
  const read = () => readAftermath(postgres.query, mail.mails);
  await until(async () => (await read()).waitingJobs === 0, drainMilliseconds).catch(
    () => undefined,
  );
  const journal = scenario.journal();
  const breaches = [
    ...scenario.breaches,
    ...audit(journal, await read(), bounds),
    ...(await invalidAuditLog(scenario)),
    ...(await unreleasedResources(scenario.base, () => footprintOf(postgres.query, replicas))),
  ];
  for (const { address, isRunning, end } of replicas) {
    breaches.push(...expectThat(isRunning(), 'no replica ends by itself', address));
    const code = await end('SIGTERM');
    breaches.push(
      ...expectThat(code === 0, 'SIGTERM ends a replica with 0', `${address}: ${code}`),
    );
  }
  const { requests } = journal;
  const times = requests.flatMap(({ sentAt, answer }) =>
    answer?.status === undefined ? [] : [answer.answeredAt - sentAt],
  );
  return {
    acknowledged: acknowledgedOf(journal),
    unknown: requests.filter(({ answer }) => answer === undefined || answer.outcome === 'unknown')
      .length,
    worst: Math.max(0, ...times),
    recoveries: scenario.recoveries,
    breaches,
  };
}

async function invalidAuditLog({ environment }: Scenario): Promise<Breach[]> {
  const { code, stdout, stderr } = await (await startCommand(['audit', 'verify'], { environment }))
    .ended;
  return expectThat(code === 0, 'the audit log is valid', stdout + stderr);
}

export function acknowledgedOf({ requests }: Journal): number {
  return requests.filter(({ answer }) => answer?.outcome === 'acknowledged').length;
}
