/** The end of an experiment: the queue empties, everything is compared, the replicas end. */
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

/** Lets the queue empty, compares what was promised with what is there, and ends the replicas. */
export async function finish(stage: Scenario): Promise<Result> {
  const { postgres, mail, replicas } = stage;
  const read = () => readAftermath(postgres.query, mail.mails);
  await until(async () => (await read()).waitingJobs === 0, drainMilliseconds).catch(
    () => undefined,
  );
  const journal = stage.journal();
  const breaches = [
    ...stage.breaches,
    ...audit(journal, await read(), bounds),
    ...(await invalidAuditLog(stage)),
    ...(await unreleasedResources(stage.base, () => footprintOf(postgres.query, replicas))),
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
    recoveries: stage.recoveries,
    breaches,
  };
}

async function invalidAuditLog({ environment }: Scenario): Promise<Breach[]> {
  const { code, stdout, stderr } = await (await startCommand(['audit', 'verify'], { environment }))
    .ended;
  return expectThat(code === 0, 'the record is whole', stdout + stderr);
}

export function acknowledgedOf({ requests }: Journal): number {
  return requests.filter(({ answer }) => answer?.outcome === 'acknowledged').length;
}
