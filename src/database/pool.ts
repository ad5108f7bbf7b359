/**
 * Connections that are never waited for without end, and that lead to the primary. What PostgreSQL can
 * watch over itself it is told to; what it cannot, as when it is frozen, is watched from here.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Client, type ClientBase, type ClientConfig, Pool, type PoolConfig } from 'pg';
import type { DatabaseConnection, TlsSetting } from '../config/database-url.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { DatabaseTimeouts } from './timeouts.ts';

/** Seconds of silence after which a host is asked whether it is there, and between two questions. */
const keepAliveSeconds = 10;
const keepAliveIntervalSeconds = 3;
const keepAliveQuestions = 3;
/** Milliseconds that a farewell may take. */
const farewellMilliseconds = 1_000;

/** As PostgreSQL says it of the statements that it would refuse there: read_only_sql_transaction. */
const readOnlyCode = '25006';

const unhurriedWork = new AsyncLocalStorage<true>();

/** Runs `work`, whose statements may take any time. What PostgreSQL itself watches is not lifted by this. */
export function unhurried<Result>(work: () => Result): Result {
  return unhurriedWork.run(true, work);
}

/** For both sides of a connection, as either may vanish without a word. */
export const keepAlive = {
  keepAlive: true,
  keepAliveInitialDelayMillis: keepAliveSeconds * 1000,
} as const;

/**
 * Options of every pool.
 *
 * @param isPooled whether a pooler in transaction mode stands before the database: what is set for a
 *   session would be set for somebody else's, so the limits of PostgreSQL are left to its roles
 */
export function connectionOptions(timeouts: DatabaseTimeouts, isPooled: boolean) {
  return {
    ...keepAlive,
    connectionTimeoutMillis: timeouts.connectMilliseconds,
    Client: clientOf(timeouts.silenceMilliseconds),
    onConnect: (client: ClientBase) => introduce(client, isPooled ? {} : settingsOf(timeouts)),
  } satisfies PoolConfig;
}

export interface PoolDeps {
  readonly database: DatabaseConnection;
  /** What it is for: a part of the log, and of the name that the database shows. */
  readonly name: string;
  readonly max: number;
  readonly timeouts: DatabaseTimeouts;
  readonly isPooled?: boolean;
  readonly log: Log;
}

/** A pool beside that of the ORM. A connection that breaks, in use or not, is told and replaced. */
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

/** What statements and the reading of their answers depend on, whatever a role or a database has by default. */
export const requiredSettings = {
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  standard_conforming_strings: 'on',
  timezone: 'UTC',
  default_transaction_isolation: 'read committed',
} as const;

function settingsOf(timeouts: DatabaseTimeouts): Readonly<Record<string, string | number>> {
  return {
    ...requiredSettings,
    lock_timeout: timeouts.lockMilliseconds,
    statement_timeout: timeouts.statementMilliseconds,
    idle_in_transaction_session_timeout: timeouts.idleInTransactionMilliseconds,
    tcp_keepalives_idle: keepAliveSeconds,
    tcp_keepalives_interval: keepAliveIntervalSeconds,
    tcp_keepalives_count: keepAliveQuestions,
  };
}

/**
 * Sets the session up. A connection to a standby is closed, and counts as no connection: while a
 * cluster fails over, a name or a balancer may lead to one, and it would stay in the pool for good.
 */
async function introduce(
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

/** A client that closes its connection when an answer does not come. */
function clientOf(milliseconds: number): typeof Client {
  return class extends Client {
    constructor(config?: string | ClientConfig) {
      super(config);
      closeWhenSilent(this, milliseconds);
      closeAfterFarewell(this);
    }
  };
}

/** `drain` comes when nothing is asked any more. */
function closeWhenSilent(client: Client, milliseconds: number): void {
  let timer: NodeJS.Timeout | undefined;
  const query: (...parts: unknown[]) => unknown = client.query.bind(client);
  const impatientQuery = (...parts: unknown[]) => {
    clearTimeout(timer);
    if (!unhurriedWork.getStore()) timer = setTimeout(close, milliseconds, client).unref();
    return query(...parts);
  };
  Object.assign(client, { query: impatientQuery });
  client.on('drain', () => clearTimeout(timer));
  client.once('end', () => clearTimeout(timer));
}

function close({ connection }: Client): void {
  const error = new Error('the database does not answer');
  connection.stream.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'read' }));
}

/** `end` waits for the other side to hang up, which a frozen one never does. */
function closeAfterFarewell(client: Client): void {
  const end: (...parts: unknown[]) => unknown = client.end.bind(client);
  const briefEnd = (...parts: unknown[]) => {
    const timer = setTimeout(() => client.connection.stream.destroy(), farewellMilliseconds);
    client.once('end', () => clearTimeout(timer.unref()));
    return end(...parts);
  };
  Object.assign(client, { end: briefEnd });
}

/**
 * Values for every field that node-postgres would otherwise read from the environment, but the password.
 *
 * @param name what the connection is for, as in `gatehouse-jobs`
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

/** A new object each time: node-postgres hides the key in it. */
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

/** Shows these pools; one that is not there yet has no figures. */
export function watchPools(
  metrics: Metrics,
  pools: ReadonlyMap<PoolName, Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>>,
): void {
  metrics.read('databaseConnections', () =>
    [...pools].flatMap(([name, { totalCount, idleCount, waitingCount }]) => [
      [[name, 'busy'], totalCount - idleCount] as const,
      [[name, 'idle'], idleCount] as const,
      [[name, 'waiting'], waitingCount] as const,
    ]),
  );
}
