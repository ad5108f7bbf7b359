/**
 * The limit of requests with a query: one row by its primary key, over a pool as large as that of the service.
 * Reads its specification as JSON, and writes a sample.
 */
import { text } from 'node:stream/consumers';
import { Pool } from 'pg';
import { sampleOf } from '../sampling.ts';

export interface PrimaryKeySpec {
  readonly databaseUrl: string;
  readonly seconds: number;
  readonly concurrency: number;
  readonly userId: string;
}

const spec = JSON.parse(await text(process.stdin)) as PrimaryKeySpec; // written by runJson
const pool = new Pool({ connectionString: spec.databaseUrl, max: 10 });
const sample = await sampleOf(spec, async () => {
  await pool.query('select 1 from users where id = $1', [spec.userId]);
});
await pool.end();
process.stdout.write(JSON.stringify(sample));
