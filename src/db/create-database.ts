/** Creates the database that a URL names; done only when an operator asks for it. */
import { Client } from 'pg';
import type { DatabaseConnection } from '../core/database-url.ts';
import { clientConfig } from './client-config.ts';
import { explainConnectionError, type UrlVariable } from './connection-faults.ts';

/** Each server has it; only databases of other names can be created from it. */
const maintenanceDatabase = 'postgres';
const timeoutMilliseconds = 30_000;
const duplicateDatabase = '42P04';

/**
 * Creates it in UTF-8, owned by the user of the connection. Answers whether it was missing.
 *
 * @throws ConfigError, or the error of PostgreSQL, as for a role without CREATEDB
 */
export async function createDatabase(
  connection: DatabaseConnection,
  variable: UrlVariable,
): Promise<boolean> {
  const { database } = connection;
  const client = new Client({
    ...clientConfig({ ...connection, database: maintenanceDatabase }, 'create'),
    connectionTimeoutMillis: timeoutMilliseconds,
    query_timeout: timeoutMilliseconds,
  });
  client.on('error', () => undefined); // the statement under way reports it
  try {
    await client.connect();
    const name = client.escapeIdentifier(database);
    await client.query(`create database ${name} encoding 'UTF8' template template0`);
    return true;
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === duplicateDatabase;
    if (!isThere) throw explainConnectionError(error, connection, variable);
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
