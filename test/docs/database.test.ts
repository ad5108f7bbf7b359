/** The documentation of tables and built-in permissions agrees with the migrations. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { rowsOf } from './pages.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** The words in backquotes of the first cells. */
const namesIn = (page: string, section: string) =>
  rowsOf(page, section).flatMap(([cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );

test('docs/architecture.md describes every table', async () => {
  const rows = await database.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' and tablename not like '%migrations'",
  );
  expect(namesIn('docs/architecture.md', 'Tables').sort()).toEqual(
    rows.map(({ name }) => name).sort(),
  );
});

test('docs/security.md describes every built-in permission', async () => {
  const rows = await database.query<{ name: string }>(
    'select codename as name from permissions where is_built_in',
  );
  expect(namesIn('docs/security.md', 'Built-in permissions').sort()).toEqual(
    rows.map(({ name }) => name).sort(),
  );
});
