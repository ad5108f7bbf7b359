/** A separate database for a test file, cloned from the migrated template. */
import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  readonly url: string;
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** @param definition SQL, for a database that is not the migrated template */
export async function createTestDatabase(definition?: string): Promise<TestDatabase> {
  const templateUrl = new URL(inject('templateUrl'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = definition ?? `template ${templateUrl.pathname.slice(1)} strategy file_copy`;
  await asAdmin(templateUrl, `create database ${name} ${template}`);
  const url = new URL(templateUrl);
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 2 });
  return {
    url: url.href,
    query: async (sql, parameters = []) => (await pool.query(sql, parameters)).rows,
    async drop() {
      await pool.end();
      await asAdmin(templateUrl, waitForDisconnects(name));
      await asAdmin(templateUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

/**
 * Waits up to two seconds for the end of connections. A pool resolves its end before its connections are closed, and
 * a connection that the drop closes would cause an unhandled error. A connection that stays longer is a leak, and its
 * error fails the test.
 */
const waitForDisconnects = (name: string) => `
  do $$ begin
    for round in 1..100 loop
      exit when not exists (select 1 from pg_stat_activity where datname = '${name}');
      perform pg_sleep(0.02), pg_stat_clear_snapshot();
    end loop;
  end $$`;

/** One connection for all files of a worker, which ends with the worker or the server. */
let admin: Promise<Client> | undefined;

async function asAdmin(templateUrl: URL, sql: string): Promise<void> {
  admin ??= connectAdmin(templateUrl);
  const client = await admin;
  // Concurrent clones fail, because the template must have no other connection.
  await client.query('select pg_advisory_lock(1)');
  try {
    await client.query(sql);
  } finally {
    await client.query('select pg_advisory_unlock(1)');
  }
}

async function connectAdmin(templateUrl: URL): Promise<Client> {
  const url = new URL(templateUrl);
  url.pathname = '/postgres';
  const client = new Client({ connectionString: url.href });
  client.on('error', () => undefined); // the server is stopped before the worker ends
  await client.connect();
  client.unref();
  return client;
}
