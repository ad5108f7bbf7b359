/** Changes that are sent together are answered as if each had been sent alone. */
import { Pool } from 'pg';
import { RateLimiterPostgres } from 'rate-limiter-flexible';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createBatchingClient } from '../../src/db/budget-batches.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
afterEach(() => {
  vi.restoreAllMocks();
});

function limiter(keyPrefix: string, { points = 1000, duration = 600 } = {}) {
  return new RateLimiterPostgres({
    storeClient: createBatchingClient(pool, false),
    storeType: 'pool',
    tableName: 'attempt_budgets',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix,
    points,
    duration,
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test('each is told what the bucket held after its own change, with few statements for many', async () => {
  const query = vi.spyOn(pool, 'query');
  const one = limiter('each');
  const answers = await Promise.all(upTo(300).map((index) => one.consume(`key${index % 3}`)));
  for (const key of upTo(3)) {
    const told = answers.filter((_, index) => index % 3 === key);
    expect(told.map(({ consumedPoints }) => consumedPoints)).toEqual(upTo(100).map((n) => n + 1));
  }
  expect(query.mock.calls.length).toBeLessThanOrEqual(2);
});

test('taking and giving back in one breath leaves what was there', async () => {
  const one = limiter('back');
  await one.consume('key', 5);
  const [taken, given] = await Promise.all([one.consume('key'), one.reward('key')]);
  expect([taken.consumedPoints, given.consumedPoints]).toEqual([6, 5]);
  expect((await one.get('key'))?.consumedPoints).toBe(5);
});

test('a bucket whose time is over begins anew, by the database’s time', async () => {
  const one = limiter('over', { duration: 1 });
  await one.consume('key', 7);
  vi.spyOn(Date, 'now').mockReturnValue(0); // this process’s clock is wrong: it does not matter
  expect((await one.consume('key')).consumedPoints).toBe(8);
  const { msBeforeNext } = await one.consume('key');
  expect(msBeforeNext).toBeGreaterThan(0);
  expect(msBeforeNext).toBeLessThanOrEqual(1000);
  vi.restoreAllMocks();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await one.get('key')).toBeNull();
  const answers = await Promise.all([one.consume('key'), one.consume('key')]);
  expect(answers.map(({ consumedPoints }) => consumedPoints)).toEqual([1, 2]);
});

test('processes that change the same buckets in any order never wait in a circle', async () => {
  const processes = upTo(16).map(() => limiter('circle', { points: 100_000 }));
  const rounds = upTo(20);
  await Promise.all(
    processes.map(async (one, index) => {
      for (const round of rounds) {
        const keys = upTo(8).map((key) => `key${(key * (2 * index + 1) + round) % 8}`);
        await Promise.all(keys.map((key) => one.consume(key)));
      }
    }),
  );
  const [row] = await database.query<{ sum: string }>(
    "select sum(points) from attempt_budgets where key like 'circle:%'",
  );
  expect(Number(row?.sum)).toBe(16 * 20 * 8);
});

test('what goes wrong is told to all whom it concerns, and the next ones are served', async () => {
  const one = limiter('wrong');
  vi.spyOn(pool, 'query').mockImplementationOnce(() => Promise.reject(new Error('away')));
  const outcomes = await Promise.allSettled([one.consume('a'), one.consume('b')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect((await one.consume('a')).consumedPoints).toBe(1);
});
