/** An existing database, by the URL that the service uses. */
import { Client } from 'pg';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { clientConfig } from '../../src/database/pool.ts';
import type { TestDatabase } from './database.ts';

/** The database is not dropped when the service is closed. */
export function databaseAt(url: string): TestDatabase {
  return {
    url,
    async query(sql, parameters = []) {
      const client = new Client(clientConfig(parseDatabaseUrl(url), 'test'));
      await client.connect();
      try {
        return (await client.query(sql, parameters)).rows;
      } finally {
        await client.end();
      }
    },
    drop: async () => undefined,
  };
}
