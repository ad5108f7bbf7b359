/**
 * Inspects a database in one read-only transaction with a short timeout. Settings are local to the transaction,
 * because a pooler gives the session to another client after the transaction.
 */
import { TLSSocket } from 'node:tls';
import { Client, escapeIdentifier } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { compareClocks } from './clock.ts';
import { explainConnectionError, type UrlVariable } from './connection-errors.ts';
import { bind } from './driver.ts';
import { migrationsTable } from './migrate.ts';
import { migrationNames } from './migrations/migrations.ts';
import { applicationNameOf, clientConfig } from './pool.ts';
import type { UnitOfWork } from './transaction.ts';

export interface Inspection extends Pick<UnitOfWork, 'query'> {
  /** Such as 180004. */
  readonly versionNumber: number;
  readonly version: string;
  /** Duration of connecting. */
  readonly milliseconds: number;
  /** The lead of the clock of the database over that of the process. */
  readonly clockAheadSeconds: number;
  /** Of this connection: `TLSv1.3`, or undefined for plain text. */
  readonly tlsVersion: string | undefined;
  close(): Promise<void>;
}

const inspectionTimeoutMs = 4000;

/**
 * @throws ConfigError when the URL has to be changed
 * @throws Error when the database cannot be reached
 */
export async function inspectDatabase(
  connection: DatabaseConnection,
  variable: UrlVariable,
): Promise<Inspection> {
  const begunAt = performance.now();
  const client = new Client({
    ...clientConfig(connection, 'doctor'),
    connectionTimeoutMillis: inspectionTimeoutMs,
    query_timeout: inspectionTimeoutMs,
  });
  client.on('error', () => undefined); // the next statement reports it
  await client.connect().catch((error: unknown) => {
    throw explainConnectionError(error, connection, variable);
  });
  const milliseconds = performance.now() - begunAt;
  await client.query('begin transaction read only');
  await client.query(`set local statement_timeout = ${inspectionTimeoutMs}`);
  const query: UnitOfWork['query'] = async (sql, parameters = []) => {
    const { text, values } = bind({ sql, params: parameters }, escapeIdentifier);
    const { rows } = await client.query(text, [...values]);
    return rows;
  };
  const { stream } = client.connection;
  const tlsVersion = stream instanceof TLSSocket ? (stream.getProtocol() ?? 'TLS') : undefined;
  const server = await serverInfo(query);
  return { ...server, milliseconds, tlsVersion, query, close: () => client.end() };
}

async function serverInfo(query: UnitOfWork['query']) {
  const { aheadMilliseconds } = await compareClocks(query);
  const [row] = await query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number,
       split_part(current_setting('server_version'), ' ', 1) as version`,
  );
  if (!row) throw new Error('the statement returned no row');
  return {
    versionNumber: row.number,
    version: row.version,
    clockAheadSeconds: aheadMilliseconds / 1000,
  };
}

export interface MigrationState {
  /** Whether no migration was ever applied. */
  readonly isEmpty: boolean;
  readonly pending: readonly string[];
  /** Migrations of a newer release. */
  readonly unknown: readonly string[];
}

export async function readMigrationState(query: UnitOfWork['query']): Promise<MigrationState> {
  const [found] = await query<{ exists: boolean }>(
    "select to_regclass(quote_ident(current_schema()) || '.' || ?) is not null as exists",
    [migrationsTable],
  );
  if (!found?.exists) return { isEmpty: true, pending: migrationNames, unknown: [] };
  const rows = await query<{ name: string }>(`select name from ${migrationsTable}`);
  const pendingJobQueue = await findPendingJobQueue(query);
  const done = new Set(rows.map(({ name }) => name));
  return {
    isEmpty: false,
    pending: [...migrationNames.filter((name) => !done.has(name)), ...pendingJobQueue],
    unknown: [...done].filter((name) => !migrationNames.includes(name)),
  };
}

/** The last migration of graphile-worker, which comes with its version. */
export const jobQueueRevision = 20;

async function findPendingJobQueue(query: UnitOfWork['query']): Promise<string[]> {
  const table = 'graphile_worker.migrations';
  const [found] = await query<{ exists: boolean }>('select to_regclass(?) is not null as exists', [
    table,
  ]);
  const [row] = found?.exists
    ? await query<{ revision: number | null }>(`select max(id)::int as revision from ${table}`)
    : [];
  const revision = row?.revision ?? 0;
  return revision < jobQueueRevision ? [`job queue ${jobQueueRevision}`] : [];
}

export interface LiveProcesses {
  /** Connections of change feeds, one for each server process. */
  readonly feeds: number;
  /** Greatest time since a change feed sent its last heartbeat. */
  readonly silentSeconds: number;
  /** Connections of job workers. */
  readonly workers: number;
}

/** Reads the connections of server processes from `pg_stat_activity`. */
export async function findLiveProcesses(
  query: UnitOfWork['query'],
  connection: DatabaseConnection,
): Promise<LiveProcesses> {
  const feed = applicationNameOf(connection, 'change-feed');
  const [row] = await query<LiveProcesses>(
    `select
       count(*) filter (where application_name = ?)::int as feeds,
       coalesce(extract(epoch from max(clock_timestamp() - query_start)
         filter (where application_name = ?)), 0)::float8 as "silentSeconds",
       count(*) filter (where application_name = ?)::int as workers
     from pg_stat_activity where datname = current_database()`,
    [feed, feed, applicationNameOf(connection, 'jobs')],
  );
  if (!row) throw new Error('the statement returned no row');
  return row;
}

export interface PoolEncryption {
  /** Names of pools that have an encrypted connection, such as `main` and `jobs`. */
  readonly encrypted: readonly string[];
  /** Names of pools that have a connection in plain text. */
  readonly plain: readonly string[];
}

/** Reads from `pg_stat_ssl` which connections are encrypted. Behind a pooler these are the connections of the pooler. */
export async function findPoolEncryption(
  query: UnitOfWork['query'],
  connection: DatabaseConnection,
): Promise<PoolEncryption> {
  const prefix = applicationNameOf(connection, '');
  const rows = await query<{ pool: string; ssl: boolean }>(
    `select distinct substr(application_name, ?::int) as pool, ssl
     from pg_stat_activity join pg_stat_ssl using (pid)
     where datname = current_database() and usename = current_user
       and starts_with(application_name, ?) and pid <> pg_backend_pid()
     order by pool`,
    [prefix.length + 1, prefix],
  );
  const named = (isEncrypted: boolean) =>
    rows.filter(({ ssl }) => ssl === isEncrypted).map(({ pool }) => pool);
  return { encrypted: named(true), plain: named(false) };
}
