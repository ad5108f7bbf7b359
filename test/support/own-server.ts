/** A PostgreSQL server of a test's own, to be stopped and frozen without disturbing the tests beside it. */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { joinEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts';
import { copyCluster } from './cluster.ts';
import type { TestDatabase } from './database.ts';
import { makeScratchDirectory } from './scratch.ts';

export interface OwnServer extends AsyncDisposable {
  /** Holds all that the server writes, its log included. */
  readonly directory: string;
  /** An empty database, gone with the server. */
  createDatabase(): Promise<TestDatabase>;
  /** Where a database is found after a stop and a start: at another port. */
  urlOf(database: TestDatabase): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Starts it as one that only replays what a primary writes, until `select pg_promote()`. */
  startAsStandby(): Promise<void>;
}

const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** `settings` are PostgreSQL's, over those that make it fast. */
export async function startOwnServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnServer> {
  const dataDirectory = makeScratchDirectory('own');
  const enter = () => joinEmbeddedDatabase({ dataDirectory, settings: { ...fast, ...settings } });
  await copyCluster(dataDirectory);
  let server = await enter();
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
    stop: () => server.leave(),
    async start() {
      server = await enter();
    },
    async startAsStandby() {
      await writeFile(join(dataDirectory, 'postgres', 'data', 'standby.signal'), '');
      server = await enter();
    },
    async [Symbol.asyncDispose]() {
      await server.leave();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

function databaseAt(url: string): TestDatabase {
  const pool = new Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined); // a server that stops is part of the tests
  return {
    url,
    query: async (sql, parameters = []) => (await pool.query(sql, parameters)).rows,
    drop: () => pool.end(),
  };
}
