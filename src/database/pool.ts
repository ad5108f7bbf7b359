/**
 * Connections to the primary with timeouts. PostgreSQL enforces its own timeouts; the client closes a connection whose
 * server does not answer, for example because it is frozen.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Client, type ClientBase, type ClientConfig, Pool, type PoolConfig } from 'pg';
import type { DatabaseConnection, TlsSetting } from '../config/database-url.ts';
import type { Log } from '../observability/log.ts';
import { type Metrics, readGauge } from '../observability/metrics.ts';
import type { DatabaseTimeouts } from './timeouts.ts';

/** TCP keepalive: seconds of silence before the first probe, seconds between probes, and number of probes. */
const keepAliveSeconds = 10;
const keepAliveIntervalSeconds = 3;
const keepAliveProbes = 3;
/** How long closing a connection may take. */
const closeMilliseconds = 1_000;

/** PostgreSQL's code read_only_sql_transaction, with which a standby rejects changes. */
const readOnlyCode = '25006';

const untimedWork = new AsyncLocalStorage<true>();

/** Runs `work` without the client's timeout. The timeouts of PostgreSQL stay. */
export function withoutSilenceTimeout<Result>(work: () => Result): Result {
  return untimedWork.run(true, work);
}

/** TCP keepalive of the client's side. */
export const keepAlive = {
  keepAlive: true,
  keepAliveInitialDelayMillis: keepAliveSeconds * 1000,
} as const;

/**
 * Options of every pool.
 *
 * @param isPooled whether the connection goes through a pooler in transaction mode: settings of the session would
 *   affect other clients, so the roles of the database have to have them
 */
export function connectionOptions(timeouts: DatabaseTimeouts, isPooled: boolean) {
  return {
    ...keepAlive,
    connectionTimeoutMillis: timeouts.connectMilliseconds,
    Client: withTimeouts(timeouts.silenceMilliseconds),
    onConnect: (client: ClientBase) =>
      setUpSession(client, isPooled ? {} : sessionSettings(timeouts)),
  } satisfies PoolConfig;
}

export interface PoolDeps {
  readonly database: DatabaseConnection;
  /** Purpose: a component of the log, and a part of the name in `pg_stat_activity`. */
  readonly name: string;
  readonly max: number;
  readonly timeouts: DatabaseTimeouts;
  readonly isPooled?: boolean;
  readonly log: Log;
}

/** A pool besides that of the ORM. It logs and replaces broken connections. */
export function openPool({ database, name, max, timeouts, isPooled, log }: PoolDeps): Pool {
  const pool = new Pool({
    ...clientConfig(database, name),
    max,
    ...connectionOptions(timeouts, isPooled ?? false),
  });
  const onBroken = (error: Error) =>
    log.warn({ err: error, component: name }, 'database connection lost');
  pool.on('error', onBroken);
  pool.on('connect', (client) => client.on('error', onBroken));
  return pool;
}

/** Settings on which statements and parsers of the service depend. They override those of the role and the database. */
export const requiredSettings = {
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  standard_conforming_strings: 'on',
  timezone: 'UTC',
  default_transaction_isolation: 'read committed',
} as const;

function sessionSettings(timeouts: DatabaseTimeouts): Readonly<Record<string, string | number>> {
  return {
    ...requiredSettings,
    lock_timeout: timeouts.lockMilliseconds,
    statement_timeout: timeouts.statementMilliseconds,
    idle_in_transaction_session_timeout: timeouts.idleInTransactionMilliseconds,
    tcp_keepalives_idle: keepAliveSeconds,
    tcp_keepalives_interval: keepAliveIntervalSeconds,
    tcp_keepalives_count: keepAliveProbes,
  };
}

/**
 * Applies the settings, and rejects a standby: during a failover a host name or load balancer may lead to one, and
 * the connection would stay in the pool.
 */
async function setUpSession(
  client: ClientBase,
  settings: Readonly<Record<string, string | number>>,
): Promise<void> {
  const calls = Object.entries(settings).map(
    ([name, value]) => `, set_config('${name}', '${value}', false)`,
  );
  const { rows } = await client.query<{ is_standby: boolean }>(
    `select pg_is_in_recovery() as is_standby${calls.join('')}`,
  );
  if (!rows[0]?.is_standby) return;
  throw Object.assign(new Error('this server is a standby'), { code: readOnlyCode });
}

/** A client that closes its connection when the server does not answer. */
function withTimeouts(milliseconds: number): typeof Client {
  return class extends Client {
    constructor(config?: string | ClientConfig) {
      super(config);
      closeWhenSilent(this, milliseconds);
      closeWhenEndHangs(this);
    }
  };
}

/** `drain` is emitted when no statement is executing. */
function closeWhenSilent(client: Client, milliseconds: number): void {
  let timer: NodeJS.Timeout | undefined;
  const query: (...args: unknown[]) => unknown = client.query.bind(client);
  const timedQuery = (...args: unknown[]) => {
    clearTimeout(timer);
    if (!untimedWork.getStore()) timer = setTimeout(close, milliseconds, client).unref();
    return query(...args);
  };
  Object.assign(client, { query: timedQuery });
  client.on('drain', () => clearTimeout(timer));
  client.once('end', () => clearTimeout(timer));
}

function close({ connection }: Client): void {
  const error = new Error('the database does not answer');
  connection.stream.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'read' }));
}

/** `end` waits until the server closes the connection, which a frozen server never does. */
function closeWhenEndHangs(client: Client): void {
  const end: (...args: unknown[]) => unknown = client.end.bind(client);
  const timedEnd = (...args: unknown[]) => {
    const timer = setTimeout(() => client.connection.stream.destroy(), closeMilliseconds);
    client.once('end', () => clearTimeout(timer.unref()));
    return end(...args);
  };
  Object.assign(client, { end: timedEnd });
}

/**
 * Sets every field that node-postgres would otherwise read from the environment, except the password.
 *
 * @param name purpose of the connection, as in `gatehouse-jobs`
 */
export function clientConfig(connection: DatabaseConnection, name: string) {
  const { host, port, user, password, database, tls, options } = connection;
  return {
    host,
    port,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    application_name: applicationNameOf(connection, name),
    ssl: tls ? tlsOptions(tls) : false,
    ...(options === '' ? {} : { options }),
  } satisfies ClientConfig;
}

/** The name that PostgreSQL shows for a connection, in `pg_stat_activity`. */
export function applicationNameOf({ applicationName }: DatabaseConnection, name: string): string {
  return `${applicationName}-${name}`;
}

/** A new object for each client, because node-postgres modifies it. */
function tlsOptions({ mode, ca, certificate, key }: TlsSetting) {
  return {
    rejectUnauthorized: mode !== 'require',
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

export type PoolName = 'main' | 'jobs';

/** Registers the metrics of these pools. A pool may be added later. */
export function registerPoolMetrics(
  metrics: Metrics,
  pools: ReadonlyMap<PoolName, Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>>,
): void {
  readGauge(metrics.databaseConnections, () =>
    [...pools].flatMap(([name, { totalCount, idleCount, waitingCount }]) => [
      [{ pool: name, state: 'busy' }, totalCount - idleCount] as const,
      [{ pool: name, state: 'idle' }, idleCount] as const,
      [{ pool: name, state: 'waiting' }, waitingCount] as const,
    ]),
  );
}
