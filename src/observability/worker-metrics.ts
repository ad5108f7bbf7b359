/**
 * The metrics of all workers (WORKERS). Any worker answers a scrape for all of them. The label `worker`
 * separates their series, because the counters of a worker end with it.
 */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { AggregatorRegistry, type Registry } from 'prom-client';
import { Problem } from '../core/errors.ts';
import { withTimeout } from '../core/timeout.ts';

interface MetricsRequest {
  readonly type: 'gatehouse:all-metrics';
  readonly id: string;
}

interface MetricsReply extends MetricsRequest {
  /** Undefined when a worker did not reply in time. */
  readonly text?: string | undefined;
}

const type = 'gatehouse:all-metrics';
/** Longer than the timeout of prom-client for a worker, five seconds. */
const timeoutMs = 6000;

/** In the supervisor: replies to a worker with the metrics of all workers. */
export function replyWithAllMetrics(): void {
  const registry = new AggregatorRegistry();
  cluster.on('message', (worker, message: unknown) => {
    if (!isMetricsMessage(message)) return;
    const reply = (text?: string) => {
      if (worker.isConnected()) worker.send({ type, id: message.id, text } satisfies MetricsReply);
    };
    registry.clusterMetrics().then(reply, () => reply());
  });
}

/**
 * In a worker: requests the metrics of all workers from the supervisor, and provides those of this worker.
 *
 * @returns a function that throws OVERLOADED when a worker does not reply
 */
export function requestAllMetrics(own: Registry): () => Promise<string> {
  AggregatorRegistry.setRegistries(own);
  new AggregatorRegistry(); // listens for requests of the supervisor
  const pending = new Map<string, (reply: MetricsReply) => void>();
  process.on('message', (message: unknown) => {
    if (isMetricsMessage(message)) pending.get(message.id)?.(message);
  });
  return async () => {
    const id = randomUUID();
    const { promise, resolve } = Promise.withResolvers<MetricsReply>();
    pending.set(id, resolve);
    process.send?.({ type, id } satisfies MetricsRequest);
    const { text } = await withTimeout(timeoutMs, promise, { type, id });
    pending.delete(id);
    // Missing counters would look like a restart of all workers.
    if (text === undefined) throw new Problem('OVERLOADED', { retryAfterSeconds: 1 });
    return text;
  };
}

function isMetricsMessage(message: unknown): message is MetricsReply {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === type
  );
}
