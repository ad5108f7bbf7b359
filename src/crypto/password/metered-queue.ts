/** Runs password computations in the queue, with metrics and spans. */
import { Problem } from '../../core/errors.ts';
import { type Metrics, readGauge } from '../../observability/metrics.ts';
import { traced } from '../../observability/tracing.ts';
import type { HashQueue } from './queue.ts';

/** A limit of comparisons, such as a rate limit. */
export interface ComparisonLimit<Result = boolean> {
  /** Comparisons with the same key run one after the other. */
  readonly key: string | undefined;
  /** Whether the caller rejects the right password too; then it is delayed like a wrong one. */
  readonly isRefusedAnyway?: boolean;
  /** Runs the comparison or rejects. The hasher calls it when a thread is free. */
  run(compare: () => Promise<Result>): Promise<Result>;
}

export interface PasswordWork<Result> {
  readonly name: 'hash' | 'verify';
  compute(): Promise<Result>;
  /** A delay of the result that needs no thread. */
  delay?(result: Result): Promise<void> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limit?: ComparisonLimit<Result> | undefined;
}

export interface PasswordQueue {
  /** @throws OVERLOADED when the queue is full, and the errors of the limit */
  run<Result>(work: PasswordWork<Result>): Promise<Result>;
  /** @throws OVERLOADED when the queue is full */
  reserveSlot(): Disposable;
}

export function createPasswordQueue(queue: HashQueue, metrics: Metrics | undefined): PasswordQueue {
  return metrics ? measured(queue, metrics) : unmeasured(queue);
}

function unmeasured(queue: HashQueue): PasswordQueue {
  return {
    run: ({ compute, limit, delay, signal }) =>
      queue.run({
        work: () => (limit ? limit.run(compute) : compute()),
        ...(delay && { delay }),
        key: limit?.key,
        signal,
      }),
    reserveSlot: queue.reserveSlot,
  };
}

function measured(queue: HashQueue, metrics: Metrics): PasswordQueue {
  readGauge(metrics.hashQueue, () => [[{}, queue.queueLength()]]);
  const { run } = unmeasured(queue);
  const seconds = (since: number) => (performance.now() - since) / 1000;
  const countRejection = (error: unknown): never => {
    if (error instanceof Problem && error.code === 'OVERLOADED') metrics.hashRefusals.inc();
    throw error;
  };
  return {
    run: async (work) => {
      const requestedAt = performance.now();
      const compute = async () => {
        metrics.hashQueueWaitSeconds.observe(seconds(requestedAt));
        const startedAt = performance.now();
        return traced(`argon2 ${work.name}`, {}, work.compute).finally(() =>
          metrics.hashDurationSeconds.observe({ work: work.name }, seconds(startedAt)),
        );
      };
      // The time before the inner span is the waiting time, and the time after it the delay of a rejection.
      const queued = () => run({ ...work, compute });
      return traced(`password ${work.name}`, {}, queued).catch(countRejection);
    },
    reserveSlot: () => {
      try {
        return queue.reserveSlot();
      } catch (error) {
        return countRejection(error);
      }
    },
  };
}
