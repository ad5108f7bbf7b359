/** An embedded PostgreSQL server for one test file, which can stop it without an effect on other test files. */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { acquireEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts';
import { copyCluster } from './cluster.ts';
import type { TestDatabase } from './database.ts';
import { makeScratchDirectory } from './scratch.ts';

export interface OwnServer extends AsyncDisposable {
  /** Contains everything that the server writes, including its log. */
  readonly directory: string;
  /** An empty database, removed with the server. */
  createDatabase(): Promise<TestDatabase>;
  /** The current URL of a database; the port changes with a restart. */
  urlOf(database: TestDatabase): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Starts the server as a standby, until `select pg_promote()`. */
  startAsStandby(): Promise<void>;
}

const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** @param settings of PostgreSQL; they override the fast settings of tests */
export async function startOwnServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnServer> {
  const dataDirectory = makeScratchDirectory('own');
  const acquire = () =>
    acquireEmbeddedDatabase({ dataDirectory, settings: { ...fast, ...settings } });
  await copyCluster(dataDirectory);
  let server = await acquire();
  const urlAt = (name: string) => {
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.href;
  };
  return {
    directory: dataDirectory,
    async createDatabase() {
      const name = `own_${randomBytes(6).toString('hex')}`;
      const pool = new Pool({ connectionString: server.url, max: 1 });
      await pool.query(`create database ${name}`);
      await pool.end();
      return databaseAt(urlAt(name));
    },
    urlOf: ({ url }) => urlAt(new URL(url).pathname.slice(1)),
    stop: () => server.release(),
    async start() {
      server = await acquire();
    },
    async startAsStandby() {
      await writeFile(join(dataDirectory, 'postgres', 'data', 'standby.signal'), '');
      server = await acquire();
    },
    async [Symbol.asyncDispose]() {
      await server.release();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

function databaseAt(url: string): TestDatabase {
  const pool = new Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined); // tests stop the server
  return {
    url,
    query: async (sql, parameters = []) => (await pool.query(sql, parameters)).rows,
    drop: () => pool.end(),
  };
}
