/** Registers the metrics that are read when they are scraped: process, version and mail queue. */
import type { UnitOfWork } from '../database/transaction.ts';
import type { MailQueue } from '../features/operations/mail-queue.ts';
import { addProcessMetrics, type Metrics, readGauge } from '../observability/metrics.ts';

export interface GaugeDeps {
  readonly metrics: Metrics;
  readonly unitOfWork: Pick<UnitOfWork, 'withEntityManager'>;
  readonly mailQueue: Pick<MailQueue, 'stats'>;
  readonly version: string;
}

/** Scrapes within this time share one query. */
const statsTtlMs = 3000;

export function registerGauges({ metrics, unitOfWork, mailQueue, version }: GaugeDeps): void {
  addProcessMetrics(metrics);
  metrics.build.set({ version }, 1);
  const stats = memoizeFor(statsTtlMs, () => unitOfWork.withEntityManager(mailQueue.stats));
  readGauge(metrics.mailQueue, async () => {
    const { waiting, retrying, dead } = await stats();
    return Object.entries({ waiting, retrying, dead }).map(([state, count]) => [{ state }, count]);
  });
  readGauge(metrics.mailQueueOldest, async () => [[{}, (await stats()).oldestSeconds]]);
}

/** Returns the result of the last call until it is older than `ttlMs`. */
function memoizeFor<Value>(ttlMs: number, load: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly at: number; readonly value: Promise<Value> } | undefined;
  return () => {
    const now = performance.now();
    if (!last || now - last.at > ttlMs) last = { at: now, value: load() };
    return last.value;
  };
}
