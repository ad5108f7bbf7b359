/** A database of its own for a test file, cloned from the migrated template. */
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
      await asAdmin(templateUrl, untilNobodyIsIn(name));
      await asAdmin(templateUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

/**
 * Pools tell of their end before their connections are gone. Those that are cut off by the drop would
 * complain where nobody listens; those that stay for two seconds were forgotten and deserve it.
 */
const untilNobodyIsIn = (name: string) => `
  do $$ begin
    for round in 1..100 loop
      exit when not exists (select 1 from pg_stat_activity where datname = '${name}');
      perform pg_sleep(0.02), pg_stat_clear_snapshot();
    end loop;
  end $$`;

/** Connected once for all files of a worker; gone with it, or with the server. */
let admin: Promise<Client> | undefined;

async function asAdmin(templateUrl: URL, sql: string): Promise<void> {
  admin ??= connectAdmin(templateUrl);
  const client = await admin;
  // Two files that clone at the same moment disturb each other: the template must be idle.
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
