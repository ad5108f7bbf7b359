/** The metrics of this process for Prometheus. Labels have few values, and callers cannot choose them. */
import cluster from 'node:cluster';
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
} from 'prom-client';
import { withTimeout } from '../core/timeout.ts';
import { requestAllMetrics } from './worker-metrics.ts';

const requestSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const delaySeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3];
const jobSeconds = [0.01, 0.05, 0.25, 1, 5, 20];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const { worker } = cluster;
  if (worker) registry.setDefaultLabels({ worker: String(worker.id) });
  return {
    ...createAll(registry),
    registry,
    /** All metrics in the format of Prometheus; those of all workers if there are several. */
    text: worker ? requestAllMetrics(registry) : () => registry.metrics(),
  };
}

/** In the order of docs/operations.md. */
function createAll(registry: Registry) {
  const registers = [registry];
  const options = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    ({
      name: `gatehouse_${name}`,
      help,
      labelNames,
      registers,
    }) satisfies CounterConfiguration<Label>;
  return {
    requests: new Counter(
      options(
        'requests_total',
        'Completed requests; operation is a field of the schema or a route, outcome is ok or an error code.',
        'operation',
        'outcome',
      ),
    ),
    requestSeconds: new Histogram({
      ...options(
        'request_duration_seconds',
        'Duration of requests, from the first byte of the request to the end of the response.',
        'operation',
      ),
      buckets: requestSeconds,
    }),
    hashQueueWaitSeconds: new Histogram({
      ...options(
        'password_hash_queue_wait_seconds',
        'Time that password hashes waited in the queue for a thread.',
      ),
      buckets: requestSeconds,
    }),
    hashDurationSeconds: new Histogram({
      ...options(
        'password_hash_duration_seconds',
        'Time that a thread took for a password hash; work is hash or verify.',
        'work',
      ),
      buckets: requestSeconds,
    }),
    hashQueue: new Gauge(
      options('password_hash_queue', 'Password hashes that wait in the queue for a thread.'),
    ),
    hashRefusals: new Counter(
      options(
        'password_hash_refusals_total',
        'Password hashes that were rejected because the queue was full (OVERLOADED).',
      ),
    ),
    rateLimited: new Counter(
      options(
        'rate_limited_total',
        'Attempts that were rejected by a rate limit (THROTTLED); limit is its name.',
        'limit',
      ),
    ),
    changeFeedHeartbeatAge: new Gauge(
      options(
        'change_feed_heartbeat_age_seconds',
        'Time since the last received heartbeat of the change feed was sent; at 2 and above the caches are not used.',
      ),
    ),
    changePropagationSeconds: new Histogram({
      ...options(
        'change_propagation_seconds',
        'Time that a change takes from the database to this process, measured with the heartbeats of the change feed.',
      ),
      buckets: delaySeconds,
    }),
    sessionsStarted: new Counter(options('sessions_started_total', 'Created sessions.')),
    sessionsEnded: new Counter(
      options(
        'sessions_ended_total',
        'Sessions that ended before they expired; reason says why.',
        'reason',
      ),
    ),
    principals: new Counter(
      options(
        'principal_lookups_total',
        'Lookups of session principals; outcome is hit (from the cache) or miss (from the database).',
        'outcome',
      ),
    ),
    jobSeconds: new Histogram({
      ...options(
        'job_duration_seconds',
        'Duration of jobs; outcome is done, failed (retried, unless it was the last attempt) or refused (not retried).',
        'task',
        'outcome',
      ),
      buckets: jobSeconds,
    }),
    mailQueue: new Gauge(
      options(
        'mail_queue',
        'Mails that are not sent; state is waiting, retrying or dead (no further attempts).',
        'state',
      ),
    ),
    mailQueueOldest: new Gauge(
      options(
        'mail_queue_oldest_seconds',
        'Age of the oldest mail in state waiting or retrying; 0 without such a mail.',
      ),
    ),
    databaseConnections: new Gauge(
      options(
        'database_connections',
        'Database connections of the pools main and jobs; state is busy, idle or waiting (requests for a connection).',
        'pool',
        'state',
      ),
    ),
    build: new Gauge(options('build_info', 'Always 1; the label has the version.', 'version')),
  };
}

/** Labels and value of each series of a gauge. */
type GaugeValues<Label extends string> = Iterable<
  readonly [labels: Partial<Record<Label, string>>, value: number]
>;

const readTimeoutMs = 1000;

/**
 * Reads the values of a gauge at each scrape. When `read` fails or takes a second, the gauge has no value: without the
 * database, or when it is slow, only its gauges have no values.
 */
export function readGauge<Label extends string>(
  gauge: Gauge<Label>,
  read: () => GaugeValues<Label> | Promise<GaugeValues<Label>>,
): void {
  const collect = async () => {
    const values = (async () => read())().catch(() => []);
    const current = await withTimeout<GaugeValues<Label>>(readTimeoutMs, values, []);
    gauge.reset();
    gauge.remove({}); // `reset` sets a gauge without labels to 0
    for (const [labels, value] of current) gauge.set(labels, value);
  };
  Object.assign(gauge, { collect });
}

let processRegistry: Registry | undefined;

/** Adds the metrics of the process. They exist once, because prom-client cannot stop its timer and its observers. */
export function addProcessMetrics({ registry }: Pick<Metrics, 'registry'>): void {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  for (const { name } of processRegistry.getMetricsAsArray()) {
    const metric = processRegistry.getSingleMetric(name);
    if (metric) registry.registerMetric(metric);
  }
}
