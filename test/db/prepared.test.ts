/** Marked statements are prepared once in each connection, but not where a pooler stands before it. */
import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { openPool } from '../../src/db/connections.ts';
import { servingPatience } from '../../src/db/patience.ts';
import { prepared } from '../../src/db/prepared.ts';
import { createTestDatabase } from '../support/database.ts';

const marked = prepared('select ?::int + ?::int as sum').replace('?', '$1').replace('?', '$2');

test.each([
  { isPooled: false, expected: [marked] },
  { isPooled: true, expected: [] },
])('with a pooler: $isPooled', async ({ isPooled, expected }) => {
  const database = await createTestDatabase();
  const pool = openPool({
    databaseUrl: database.url,
    name: 'test',
    max: 1,
    patience: servingPatience,
    isPooled,
    log: createLog({ isReadable: false, level: 'silent' }),
  });
  for (const other of [1, 2, 3]) {
    const { rows } = await pool.query<{ sum: number }>(marked, [1, other]);
    expect(rows).toEqual([{ sum: 1 + other }]);
    await pool.query('select $1::int', [other]);
  }
  const { rows } = await pool.query<{ statement: string }>(
    'select statement from pg_prepared_statements',
  );
  expect(rows.map(({ statement }) => statement)).toEqual(expected);
  await pool.end();
  await database.drop();
});
