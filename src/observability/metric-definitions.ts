/** The metrics of `/metrics`: name, kind, help text, labels and buckets. */

export interface MetricRow {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly name: string;
  readonly help: string;
  /** At most two. A label has few values, and callers cannot choose them. */
  readonly labels?: readonly string[];
  /** Upper bounds in seconds. */
  readonly buckets?: readonly number[];
}

const requestSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const delaySeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3];

const metricTable = {
  requests: {
    kind: 'counter',
    name: 'gatehouse_requests_total',
    help: 'Completed requests; operation is a field of the schema or a route, outcome is ok or an error code.',
    labels: ['operation', 'outcome'],
  },
  requestSeconds: {
    kind: 'histogram',
    name: 'gatehouse_request_duration_seconds',
    help: 'Duration of requests, from the first byte of the request to the end of the response.',
    labels: ['operation'],
    buckets: requestSeconds,
  },
  hashQueueWaitSeconds: {
    kind: 'histogram',
    name: 'gatehouse_password_hash_queue_wait_seconds',
    help: 'Time that password hashes waited in the queue for a thread.',
    buckets: requestSeconds,
  },
  hashDurationSeconds: {
    kind: 'histogram',
    name: 'gatehouse_password_hash_duration_seconds',
    help: 'Time that a thread took for a password hash; work is hash or verify.',
    labels: ['work'],
    buckets: requestSeconds,
  },
  hashQueue: {
    kind: 'gauge',
    name: 'gatehouse_password_hash_queue',
    help: 'Password hashes that wait in the queue for a thread.',
  },
  hashRefusals: {
    kind: 'counter',
    name: 'gatehouse_password_hash_refusals_total',
    help: 'Password hashes that were rejected because the queue was full (OVERLOADED).',
  },
  rateLimited: {
    kind: 'counter',
    name: 'gatehouse_rate_limited_total',
    help: 'Attempts that were rejected by a rate limit (THROTTLED); limit is its name.',
    labels: ['limit'],
  },
  changeFeedHeartbeatAge: {
    kind: 'gauge',
    name: 'gatehouse_change_feed_heartbeat_age_seconds',
    help: 'Time since the last received heartbeat of the change feed was sent; at 2 and above the caches are not used.',
  },
  changePropagationSeconds: {
    kind: 'histogram',
    name: 'gatehouse_change_propagation_seconds',
    help: 'Time that a change takes from the database to this process, measured with the heartbeats of the change feed.',
    buckets: delaySeconds,
  },
  sessionsStarted: {
    kind: 'counter',
    name: 'gatehouse_sessions_started_total',
    help: 'Created sessions.',
  },
  sessionsEnded: {
    kind: 'counter',
    name: 'gatehouse_sessions_ended_total',
    help: 'Sessions that ended before they expired; reason says why.',
    labels: ['reason'],
  },
  principals: {
    kind: 'counter',
    name: 'gatehouse_principal_lookups_total',
    help: 'Lookups of session principals; outcome is hit (from the cache) or miss (from the database).',
    labels: ['outcome'],
  },
  jobSeconds: {
    kind: 'histogram',
    name: 'gatehouse_job_duration_seconds',
    help: 'Duration of jobs; outcome is done, failed (retried, unless it was the last attempt) or refused (not retried).',
    labels: ['task', 'outcome'],
    buckets: [0.01, 0.05, 0.25, 1, 5, 20],
  },
  mailQueue: {
    kind: 'gauge',
    name: 'gatehouse_mail_queue',
    help: 'Mails that are not sent; state is waiting, retrying or dead (no further attempts).',
    labels: ['state'],
  },
  mailQueueOldest: {
    kind: 'gauge',
    name: 'gatehouse_mail_queue_oldest_seconds',
    help: 'Age of the oldest mail in state waiting or retrying; 0 without such a mail.',
  },
  databaseConnections: {
    kind: 'gauge',
    name: 'gatehouse_database_connections',
    help: 'Database connections of the pools main and jobs; state is busy, idle or waiting (requests for a connection).',
    labels: ['pool', 'state'],
  },
  build: {
    kind: 'gauge',
    name: 'gatehouse_build_info',
    help: 'Always 1; the label has the version.',
    labels: ['version'],
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

type Table = typeof metricTable;

export type Metric = keyof Table;

/** The metrics of one kind. */
export type MetricOf<Kind extends MetricRow['kind']> = {
  [Name in Metric]: Table[Name]['kind'] extends Kind ? Name : never;
}[Metric];

/** The same table with the general row type. */
export const metricRows: Readonly<Record<Metric, MetricRow>> = metricTable;
