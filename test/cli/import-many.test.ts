/** An import of a few thousand people: its speed, its rows and its entries of the audit log. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { environmentOf } from '../support/command.ts';
import { databaseLine, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

vi.setConfig({ testTimeout: 90_000 });

const bcryptHash = '$2b$12$LJ3m4ys3Lz0WZ5p5qYbXhu0123456789abcdefghijklmnopqrstu';
const count = 3000;
/** Two seconds on a machine with two processors. The limit allows for other tests beside this one. */
const limitSeconds = 20;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await runCommand(['migrate'], { environment: environmentOf(database) });
});
afterAll(() => database.drop());

async function countOf(table: string): Promise<number> {
  const [row] = await database.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(row?.count);
}

test('3,000 people are imported in seconds, each with all rows, and the audit log stays valid', async () => {
  const environment = environmentOf(database);
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  const people = Array.from({ length: count }, (_, index) => ({
    email: `person${index}@example.com`,
    externalId: `id ${index}`,
    passwordHash: bcryptHash,
    groups: ['Editors'],
    permissions: ['shop.view_order'],
  }));
  await writeFile(file, people.map((person) => `${JSON.stringify(person)}\n`).join(''));
  const result = await runCommand(['import', 'users', file, '--json'], { environment });
  expect(result).toMatchObject({ code: 0, stderr: expect.stringMatching(databaseLine) });
  const json = JSON.parse(result.stdout);
  expect(json).toMatchObject({ read: count, created: count, refused: 0, changed: 0 });
  expect(json.seconds).toBeLessThan(limitSeconds);
  for (const table of [
    'users',
    'users where external_id is not null',
    'password_hashes',
    'user_groups',
    'user_permissions',
    "audit_entries where action = 'user-created'",
  ])
    expect([table, await countOf(table)]).toEqual([table, count]);
  const verified = await runCommand(['audit', 'verify', '--json'], { environment });
  expect(verified).toMatchObject({ code: 0, stderr: '' });
  const verification = JSON.parse(verified.stdout);
  expect(verification.faults).toEqual([]);
  expect(verification.entries).toBeGreaterThan(count);
});
