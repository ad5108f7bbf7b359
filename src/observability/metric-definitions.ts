/** Every figure that `/metrics` shows, with its name, what it says and what tells its series apart. */

export interface MetricRow {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly name: string;
  readonly help: string;
  /** At most two; the values of a label are few and never a caller's choice. */
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
    help: 'Answered requests; operation is a field of the schema or a route, outcome is ok or a code.',
    labels: ['operation', 'outcome'],
  },
  requestSeconds: {
    kind: 'histogram',
    name: 'gatehouse_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer.',
    labels: ['operation'],
    buckets: requestSeconds,
  },
  hashWaitSeconds: {
    kind: 'histogram',
    name: 'gatehouse_password_hash_wait_seconds',
    help: 'Time that a password waited for a thread.',
    buckets: requestSeconds,
  },
  hashWorkSeconds: {
    kind: 'histogram',
    name: 'gatehouse_password_hash_work_seconds',
    help: 'Time that a thread worked at a password; work is hash or verify.',
    labels: ['work'],
    buckets: requestSeconds,
  },
  hashQueue: {
    kind: 'gauge',
    name: 'gatehouse_password_hash_queue',
    help: 'Passwords that wait for a thread.',
  },
  hashRefusals: {
    kind: 'counter',
    name: 'gatehouse_password_hash_refusals_total',
    help: 'Passwords that were turned away because too many waited (OVERLOADED).',
  },
  rateLimited: {
    kind: 'counter',
    name: 'gatehouse_rate_limited_total',
    help: 'Attempts that were refused because a rate limit was reached (THROTTLED), by limit.',
    labels: ['limit'],
  },
  feedBeatAge: {
    kind: 'gauge',
    name: 'gatehouse_feed_beat_age_seconds',
    help: 'Time since the feed of changes last proved that nothing is missed; from 2 on it is not trusted.',
  },
  revocationDelaySeconds: {
    kind: 'histogram',
    name: 'gatehouse_revocation_delay_seconds',
    help: 'Time that a change takes through the database to this process, measured by the beats of the feed.',
    buckets: delaySeconds,
  },
  sessionsStarted: {
    kind: 'counter',
    name: 'gatehouse_sessions_started_total',
    help: 'Sessions that were opened.',
  },
  sessionsEnded: {
    kind: 'counter',
    name: 'gatehouse_sessions_ended_total',
    help: 'Sessions that somebody or something ended; those that expired are not among them.',
    labels: ['reason'],
  },
  principals: {
    kind: 'counter',
    name: 'gatehouse_principal_lookups_total',
    help: 'Questions who is behind a session; outcome is hit (from memory) or miss (from the database).',
    labels: ['outcome'],
  },
  jobSeconds: {
    kind: 'histogram',
    name: 'gatehouse_job_duration_seconds',
    help: 'Time that a job took, sending a mail among them; outcome is done, failed or refused (for good).',
    labels: ['task', 'outcome'],
    buckets: [0.01, 0.05, 0.25, 1, 5, 20],
  },
  mailQueue: {
    kind: 'gauge',
    name: 'gatehouse_mail_queue',
    help: 'Mails that are not sent; state is waiting, retrying or dead (not tried again by itself).',
    labels: ['state'],
  },
  mailQueueOldest: {
    kind: 'gauge',
    name: 'gatehouse_mail_queue_oldest_seconds',
    help: 'Age of the oldest mail that is waiting or retrying; 0 when there is none.',
  },
  databaseConnections: {
    kind: 'gauge',
    name: 'gatehouse_database_connections',
    help: 'Connections of the pools main and jobs; state is busy or idle, or waiting for who wants one.',
    labels: ['pool', 'state'],
  },
  build: {
    kind: 'gauge',
    name: 'gatehouse_build_info',
    help: 'Always 1; the version is in the label.',
    labels: ['version'],
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

type Table = typeof metricTable;

export type Metric = keyof Table;

/** The metrics of one kind. */
export type MetricOf<Kind extends MetricRow['kind']> = {
  [Name in Metric]: Table[Name]['kind'] extends Kind ? Name : never;
}[Metric];

/** The same rows with everything that a row may have. */
export const metricRows: Readonly<Record<Metric, MetricRow>> = metricTable;
