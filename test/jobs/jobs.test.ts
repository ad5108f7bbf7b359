/** Jobs that run after a transaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startJobs } from '../../src/jobs/worker.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestDatabase } from '../support/database.ts';
import { openDatabaseWire } from '../support/database-wire.ts';

const log = pino({ level: 'silent' });
const metrics = createMetrics();

type Tasks = Parameters<typeof startJobs>[0]['tasks'];

/** A separate queue for each test, because the tests run concurrently. */
async function openQueue() {
  await using opening = new AsyncDisposableStack();
  const database = await createTestDatabase();
  opening.defer(() => database.drop());
  const wire = opening.use(await openDatabaseWire(database.url));
  const pool = new Pool({ connectionString: wire.url, max: 10 });
  opening.defer(() => pool.end());
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const opened = opening.move();
  return {
    wire,
    query: database.query,
    add: (task = 'note', count = 1) =>
      database.query(
        `select graphile_worker.add_job('${task}', '{}'::json) from generate_series(1, ${count})`,
      ),
    start: (tasks: Tasks, schedule = '') => startJobs({ pool, log, metrics, schedule, tasks }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** At most 30 seconds: an abandoned run of the worker takes 5, and the machine may be busy. */
async function eventually(isTrue: () => boolean): Promise<void> {
  for (let round = 0; round < 1200 && !isTrue(); round += 1) await sleep(25);
  expect(isTrue()).toBe(true);
}

test.concurrent('a job of a killed process is run by another process within seconds', async () => {
  await using queue = await openQueue();
  await queue.add();
  await queue.query(
    "update graphile_worker._private_jobs set locked_by = 'pool-of-the-dead', locked_at = now(), attempts = 1",
  );
  const keys: string[] = [];
  const jobs = await queue.start({ note: async (_, { key }) => void keys.push(key) });
  await eventually(() => keys.length === 1);
  await jobs.stop();
});

test.concurrent('a long job stays with its running process, even without its connection', async () => {
  await using queue = await openQueue();
  let begun = 0;
  const tasks = {
    note: async () => {
      begun += 1;
      await sleep(4500);
    },
  };
  const jobs = [await queue.start(tasks), await queue.start(tasks)];
  await queue.add();
  await eventually(() => begun === 1);
  await sleep(4600);
  expect(begun).toBe(1);
  await Promise.all(jobs.map((each) => each.stop()));
});

test.concurrent('failed jobs run after jobs that never ran', async () => {
  await using queue = await openQueue();
  const begun: string[] = [];
  const tasks = {
    bad: async () => {
      begun.push('bad');
      throw new Error('not today');
    },
    good: async () => {
      begun.push('good');
      await sleep(50);
    },
  };
  const first = await queue.start(tasks);
  await queue.add('bad');
  await eventually(() => begun.length === 1);
  await first.stop();
  await queue.add('good', 8);
  await queue.query(
    "update graphile_worker._private_jobs set run_at = now() - interval '1 day' where last_error is not null",
  );
  const second = await queue.start(tasks);
  await eventually(() => begun.length === 10);
  await second.stop();
  expect(begun.lastIndexOf('bad')).toBeGreaterThan(4);
});

test.concurrent('a worker that is stopped right after its start stops', async () => {
  await using queue = await openQueue();
  for (let round = 0; round < 10; round += 1) {
    const jobs = await queue.start({});
    await expect(jobs.stop()).resolves.toBeUndefined();
  }
});

test.concurrent('jobs whose end could not be written are run again while their process continues', async () => {
  await using queue = await openQueue();
  const rename = (from: string, to: string) =>
    queue.query(`alter table graphile_worker.${from} rename to ${to}`);
  let begun = 0;
  const together = Promise.withResolvers<void>();
  const note = async () => {
    begun += 1;
    const patience = 20 * begun;
    if (begun === 4) {
      await rename('_private_jobs', 'jobs_out_of_reach');
      together.resolve();
    }
    await together.promise;
    await sleep(patience);
  };
  const jobs = await queue.start({ note }, '0 0 1 1 * note');
  await queue.add('note', 4);
  await together.promise;
  await sleep(500);
  await rename('jobs_out_of_reach', '_private_jobs');
  await eventually(() => begun === 8);
  await jobs.stop();
  expect(begun).toBe(8);
});

test.concurrent('a job is run although the reply that locked it was lost with the connection', async () => {
  await using queue = await openQueue();
  const { wire, query } = queue;
  await queue.add('note', 4); // one for each worker
  const keys = new Set<string>();
  const { reached } = wire.holdAnswerTo(/attempts = jobs.attempts \+ 1/);
  const jobs = await queue.start({ note: async (_, { key }) => void keys.add(key) });
  await reached;
  await eventually(() => keys.size === 3);
  await wire.cut();
  expect(await query('select 1 from graphile_worker.jobs where locked_by is not null')).not.toEqual(
    [],
  );
  await wire.mend();
  await eventually(() => keys.size === 4);
  await jobs.stop();
}, 90_000);
