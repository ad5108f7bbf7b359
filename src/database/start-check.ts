/**
 * Checks a database before the service writes to it: encoding UTF-8, the required settings, a schema, and connections
 * that keep their session. Changes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ConfigError } from '../config/config.ts';
import type { DatabaseConnection } from '../config/database-url.ts';
import { withTimeout } from '../core/timeout.ts';
import { explainConnectionError, type UrlVariable } from './connection-errors.ts';
import { clientConfig, requiredSettings } from './pool.ts';

const timeoutMilliseconds = 4_000;
const poolerRounds = 5;
const poolerPauseMilliseconds = 50;

export interface DatabaseConnections {
  /** For requests; may lead through a pooler. */
  readonly database: DatabaseConnection;
  /** For the change feed, jobs and migrations. The same object as `database` without a pooler. */
  readonly direct: DatabaseConnection;
}

/**
 * @throws ConfigError with the remedy, for an unsuitable database
 * @throws Error when the database cannot be reached
 */
export async function checkDatabaseAtStart(connections: DatabaseConnections): Promise<void> {
  const { database, direct } = connections;
  const isPooled = database !== direct;
  const variable = isPooled ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL';
  await using client = await connect(direct, variable);
  await assertEncoding(client, variable);
  await assertSchema(client, direct, variable);
  if (isPooled) await assertPooledSettings(database);
  if (!(await isPooledByTransaction(client, () => connect(direct, variable)))) return;
  throw new ConfigError([
    isPooled
      ? 'DATABASE_DIRECT_URL leads to a pooler in transaction mode; it must lead to the database itself'
      : 'DATABASE_URL leads to a pooler in transaction mode; set DATABASE_DIRECT_URL to the database itself, past the pooler',
  ]);
}

/** Closed at the end of its scope. */
type ScopedClient = Client & AsyncDisposable;

/** @throws ConfigError, or the network error */
async function connect(
  connection: DatabaseConnection,
  variable: UrlVariable,
): Promise<ScopedClient> {
  const client = new Client({
    ...clientConfig(connection, 'start'),
    connectionTimeoutMillis: timeoutMilliseconds,
    query_timeout: timeoutMilliseconds,
  });
  client.on('error', () => undefined); // the next statement reports it
  try {
    await client.connect();
  } catch (error) {
    throw explainConnectionError(error, connection, variable);
  }
  const close = async () => {
    await withTimeout(
      timeoutMilliseconds,
      client.end().catch(() => undefined),
      undefined,
    );
  };
  return Object.assign(client, { [Symbol.asyncDispose]: close });
}

async function assertEncoding(client: Client, variable: UrlVariable): Promise<void> {
  const encoding = await readSetting(client, 'server_encoding');
  if (encoding === 'UTF8') return;
  throw new ConfigError([
    `${variable} leads to a database in ${encoding}; it must be in UTF8: create database … encoding 'UTF8' template template0`,
  ]);
}

/** Migrations create a schema that the URL names, but not one of the role's search_path. */
async function assertSchema(
  client: Client,
  { schema }: DatabaseConnection,
  variable: UrlVariable,
): Promise<void> {
  if (schema !== undefined) return;
  const { rows } = await client.query<{ schema: string | null }>(
    'select current_schema() as schema',
  );
  if (typeof rows[0]?.schema === 'string') return;
  throw new ConfigError([
    `${variable} leads to a database in which no schema of the search_path exists; name one with ?schema=`,
  ]);
}

/** Behind a pooler the service cannot set its session, so the role must have the settings. */
async function assertPooledSettings(database: DatabaseConnection): Promise<void> {
  await using client = await connect(database, 'DATABASE_URL');
  const faults: string[] = [];
  for (const name of [
    'datestyle',
    'standard_conforming_strings',
    'default_transaction_isolation',
  ] as const) {
    const [required, found] = [requiredSettings[name], await readSetting(client, name)];
    const isRight = found.toLowerCase().split(',')[0] === required.toLowerCase().split(',')[0];
    if (!isRight) {
      const role = `alter role ${client.escapeIdentifier(database.user)} set ${name} = '${required}'`;
      faults.push(
        `DATABASE_URL leads through a pooler to a role with ${name} ${found}; run: ${role}`,
      );
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
}

async function readSetting(client: Client, name: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [
    name,
  ]);
  return rows[0]?.value ?? '';
}

/**
 * Whether a pooler assigns a server process for each transaction. Only then two open connections have the same
 * process, or one connection has two processes one after the other.
 */
async function isPooledByTransaction(
  first: Client,
  open: () => Promise<ScopedClient>,
): Promise<boolean> {
  await using second = await open();
  for (let round = 0; round < poolerRounds; round += 1) {
    if (round > 0) await sleep(poolerPauseMilliseconds);
    const before = await backendPid(first);
    await second.query('begin');
    try {
      if ((await backendPid(second)) === before) return true;
      const after = await withTimeout(poolerPauseMilliseconds * 4, backendPid(first), undefined);
      if (after !== undefined && after !== before) return true;
    } finally {
      await second.query('rollback');
    }
    // A direct connection knows the pid of its process; a pooler announces another one.
    if ('processID' in first && first.processID === before) return false;
  }
  return false;
}

async function backendPid(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid;
}
