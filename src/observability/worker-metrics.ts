/**
 * The metrics of several server processes that share a port: whoever is asked answers for all of
 * them, each told apart by the label `worker`, as a process that ends takes its counts along.
 */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { AggregatorRegistry, type Registry } from 'prom-client';
import { Problem } from '../core/errors.ts';
import { withTimeout } from '../core/timeout.ts';

interface Question {
  readonly type: 'gatehouse:all-metrics';
  readonly id: string;
}

interface Answer extends Question {
  /** Undefined when a worker did not answer in time. */
  readonly text?: string | undefined;
}

const type = 'gatehouse:all-metrics';
/** A worker that hangs is noticed after five seconds by prom-client itself. */
const patienceMilliseconds = 6000;

/** In the process that supervises: answers its workers with the metrics of all. */
export function answerForAllMetrics(): void {
  const registry = new AggregatorRegistry();
  cluster.on('message', (worker, message: unknown) => {
    if (!isOurs(message)) return;
    const answer = (text?: string) => {
      if (worker.isConnected()) worker.send({ type, id: message.id, text } satisfies Answer);
    };
    registry.clusterMetrics().then(answer, () => answer());
  });
}

/**
 * In a worker: answers with the metrics of all, and tells its own when others ask.
 *
 * @throws OVERLOADED when one of them does not tell
 */
export function askForAllMetrics(own: Registry): () => Promise<string> {
  AggregatorRegistry.setRegistries(own);
  new AggregatorRegistry(); // listens for the questions of the others
  const waiting = new Map<string, (answer: Answer) => void>();
  process.on('message', (message: unknown) => {
    if (isOurs(message)) waiting.get(message.id)?.(message);
  });
  return async () => {
    const id = randomUUID();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    waiting.set(id, resolve);
    process.send?.({ type, id } satisfies Question);
    const { text } = await withTimeout(patienceMilliseconds, promise, { type, id });
    waiting.delete(id);
    // Half of the counts would look like a restart of everything.
    if (text === undefined) throw new Problem('OVERLOADED', { retryAfterSeconds: 1 });
    return text;
  };
}

function isOurs(message: unknown): message is Answer {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === type
  );
}
