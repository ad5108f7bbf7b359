/**
 * Looks at a database without changing anything: in one transaction that is read-only and short of
 * patience. Nothing is set for the session, which may be a pooler's and somebody else's afterwards.
 */
import { Client, escapeIdentifier } from 'pg';
import { bind } from './bound-parameters.ts';
import { compareClocks } from './database-clock.ts';
import { migrationNames } from './migrations/migrations.ts';
import type { UnitOfWork } from './unit-of-work.ts';

export interface Inspection extends Pick<UnitOfWork, 'query'> {
  /** Such as 180004. */
  readonly versionNumber: number;
  readonly version: string;
  /** Milliseconds that connecting took. */
  readonly milliseconds: number;
  /** How far the database's clock is ahead of ours. */
  readonly clockAheadSeconds: number;
  close(): Promise<void>;
}

const patienceMilliseconds = 4000;

/** @throws Error when the database cannot be reached */
export async function inspectDatabase(databaseUrl: string): Promise<Inspection> {
  const begunAt = performance.now();
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'gatehouse-doctor',
    connectionTimeoutMillis: patienceMilliseconds,
    query_timeout: patienceMilliseconds,
  });
  client.on('error', () => undefined); // whoever asks next hears of it
  await client.connect();
  const milliseconds = performance.now() - begunAt;
  await client.query('begin transaction read only');
  await client.query(`set local statement_timeout = ${patienceMilliseconds}`);
  const query: UnitOfWork['query'] = async (sql, parameters = []) => {
    const { text, values } = bind({ sql, params: parameters }, escapeIdentifier);
    const { rows } = await client.query(text, [...values]);
    return rows;
  };
  return { ...(await introduce(query)), milliseconds, query, close: () => client.end() };
}

async function introduce(query: UnitOfWork['query']) {
  const { aheadMilliseconds } = await compareClocks(query);
  const [row] = await query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number,
       split_part(current_setting('server_version'), ' ', 1) as version`,
  );
  if (!row) throw new Error('the database says nothing of itself');
  return {
    versionNumber: row.number,
    version: row.version,
    clockAheadSeconds: aheadMilliseconds / 1000,
  };
}

export interface MigrationState {
  /** Whether it was ever migrated. */
  readonly isEmpty: boolean;
  readonly pending: readonly string[];
  /** Those that only a newer release knows. */
  readonly unknown: readonly string[];
}

export async function migrationStateOf(query: UnitOfWork['query']): Promise<MigrationState> {
  const table = 'mikro_orm_migrations';
  const [found] = await query<{ is_there: boolean }>(
    'select to_regclass(?) is not null as is_there',
    [table],
  );
  if (!found?.is_there) return { isEmpty: true, pending: migrationNames, unknown: [] };
  const rows = await query<{ name: string }>(`select name from ${table}`);
  const pendingJobQueue = await pendingJobQueueOf(query);
  const done = new Set(rows.map(({ name }) => name));
  return {
    isEmpty: false,
    pending: [...migrationNames.filter((name) => !done.has(name)), ...pendingJobQueue],
    unknown: [...done].filter((name) => !migrationNames.includes(name)),
  };
}

/** The last migration of graphile-worker, which comes with its version. */
export const jobQueueRevision = 20;

async function pendingJobQueueOf(query: UnitOfWork['query']): Promise<string[]> {
  const table = 'graphile_worker.migrations';
  const [found] = await query<{ is_there: boolean }>(
    'select to_regclass(?) is not null as is_there',
    [table],
  );
  const [row] = found?.is_there
    ? await query<{ revision: number | null }>(`select max(id)::int as revision from ${table}`)
    : [];
  const revision = row?.revision ?? 0;
  return revision < jobQueueRevision ? [`job queue ${jobQueueRevision}`] : [];
}

export interface LiveProcesses {
  /** Connections that follow the feed of changes: one for each server process. */
  readonly feeds: number;
  /** Seconds since the last beat of the feed that is silent for longest. */
  readonly silentSeconds: number;
  /** Pools of connections that do jobs. */
  readonly workers: number;
}

/** What can be seen of the server's processes from the database. */
export async function liveProcessesOf(query: UnitOfWork['query']): Promise<LiveProcesses> {
  const [row] = await query<LiveProcesses>(
    `select
       count(*) filter (where application_name = 'gatehouse-changes')::int as feeds,
       coalesce(extract(epoch from max(clock_timestamp() - query_start)
         filter (where application_name = 'gatehouse-changes')), 0)::float8 as "silentSeconds",
       count(*) filter (where application_name = 'gatehouse-jobs')::int as workers
     from pg_stat_activity where datname = current_database()`,
  );
  if (!row) throw new Error('a count has a row');
  return row;
}
