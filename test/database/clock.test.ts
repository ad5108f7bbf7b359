/** Replicas use the time of the database, so a wrong clock of a replica has no effect. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followDatabaseClock } from '../../src/database/clock.ts';
import { createLog } from '../../src/observability/log.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const log = createLog({ isReadable: false, level: 'silent' });
const daySeconds = 86_400;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Queries as of a process with a clock that is wrong by this number of seconds. */
const seenFrom =
  (seconds: number) =>
  <Row extends object>(sql: string): Promise<Row[]> =>
    database.query<Row>(
      sql.replace('clock_timestamp()', `(clock_timestamp() - $1 * interval '1s')`),
      [seconds],
    );

test.each([
  ['a day ahead', daySeconds],
  ['five minutes behind', -300],
  ['correct', 0],
])('a process whose clock is %s has the time of the database', async (_how, seconds) => {
  using clock = await followDatabaseClock({ query: seenFrom(seconds), log });
  const difference = Date.now() - clock.now().getTime() - seconds * 1000;
  expect(Math.abs(difference)).toBeLessThan(1_000);
});

test('a reply that took longer than a second does not change the clock', async () => {
  const query: ReturnType<typeof seenFrom> = async (sql) => {
    const rows = await seenFrom(daySeconds)<never>(sql);
    await sleep(1_100);
    return rows;
  };
  using clock = await followDatabaseClock({ query, log });
  expect(Math.abs(Date.now() - clock.now().getTime())).toBeLessThan(1_000);
});
