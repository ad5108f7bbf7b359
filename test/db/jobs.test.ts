/** Jobs that happen after a transaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMetrics } from '../../src/core/metrics.ts';
import { startJobs } from '../../src/db/jobs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 10 });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const log = pino({ level: 'silent' });
const metrics = createMetrics();
const add = () => database.query("select graphile_worker.add_job('note', '{}'::json)");

async function eventually(isTrue: () => boolean): Promise<void> {
  for (let round = 0; round < 300 && !isTrue(); round += 1) await sleep(25);
  expect(isTrue()).toBe(true);
}

test('a job whose process was killed is done by another one within seconds', async () => {
  await add();
  await database.query(
    "update graphile_worker._private_jobs set locked_by = 'pool-of-the-dead', locked_at = now(), attempts = 1",
  );
  const keys: string[] = [];
  const jobs = await startJobs({
    pool,
    log,
    metrics,
    schedule: '',
    tasks: { note: async (_, { key }) => void keys.push(key) },
  });
  await eventually(() => keys.length === 1);
  await jobs.stop();
});

test('a job that takes long is not taken from a process that lives, even without its connection', async () => {
  let begun = 0;
  const tasks = {
    note: async () => {
      begun += 1;
      await sleep(4500);
    },
  };
  const jobs = [
    await startJobs({ pool, log, metrics, schedule: '', tasks }),
    await startJobs({ pool, log, metrics, schedule: '', tasks }),
  ];
  await add();
  await eventually(() => begun === 1);
  await sleep(4600);
  expect(begun).toBe(1);
  await Promise.all(jobs.map((each) => each.stop()));
});

test('jobs that are stopped right after they were started do stop', async () => {
  for (let round = 0; round < 10; round += 1) {
    const jobs = await startJobs({ pool, log, metrics, schedule: '', tasks: {} });
    await jobs.stop();
  }
});
