/** External ids and metadata of imported people have the limits of the other interfaces, and spoil no other line. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { until } from '../../support/until.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function importLines(lines: readonly string[]) {
  const directory = makeScratchDirectory('import');
  const [file, report] = ['people.jsonl', 'report.jsonl'].map((name) => join(directory, name));
  await writeFile(String(file), lines.map((line) => `${line}\n`).join(''));
  const args = ['import', 'users', String(file), '--json', '--report', String(report)];
  const { stderr } = await runCommand(args, { environment: environmentOf(database) });
  const written = await readFile(String(report), 'utf8').catch(() => '');
  return {
    stderr,
    report: written.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)])),
  };
}

const accountOf = async (email: string) => {
  const [row] = await database.query<Record<string, unknown>>(
    'select external_id, metadata from users where email = $1',
    [email],
  );
  return row;
};

const nested = (levels: number): string => (levels === 0 ? '1' : `{"a":${nested(levels - 1)}}`);

test('a line with a value that no account can have is refused, and the others are imported', async () => {
  const refused = [
    ['metadata', '[1]'],
    ['metadata', '"text"'],
    ['metadata', '{"a":[1e300]}'],
    ['metadata', '{"a":12345678901234567890}'],
    ['metadata', nested(9)],
    ['metadata', JSON.stringify({ a: 'é'.repeat(4093) })],
    ['externalId', '"a\\u202eb"'],
    ['externalId', JSON.stringify('x'.repeat(256))],
    ['externalId', '12345678901234567890'],
    ['externalId', '[1]'],
  ] as const;
  const good = [newAddress(), newAddress()];
  const { report, stderr } = await importLines([
    JSON.stringify({ email: good[0], externalId: 4711, metadata: { a: 0.5, b: [null, 'é\n'] } }),
    ...refused.map(([field, json]) => `{"email":"${newAddress()}","${field}":${json}}`),
    JSON.stringify({ email: good[1], externalId: 'Ω'.repeat(255), metadata: {} }),
  ]);
  expect(stderr).not.toMatch(/INTERNAL/);
  expect(report.map(({ line, outcome, field }) => [line, outcome, field])).toEqual(
    refused.map(([field], index) => [index + 2, 'refused', field]),
  );
  expect(await accountOf(good[0] ?? '')).toEqual({
    external_id: '4711',
    metadata: { a: 0.5, b: [null, 'é\n'] },
  });
  expect(await accountOf(good[1] ?? '')).toEqual({ external_id: 'Ω'.repeat(255), metadata: {} });
});

test('a former text that metadata cannot have is left out, and the person is imported', async () => {
  const email = newAddress();
  const line = `{"email":"${email}","username":"a\\u0000b","lastName":"\\ud800<x>","metadata":{"plan":"pro"}}`;
  const { report } = await importLines([line]);
  expect(report.map(({ outcome }) => outcome)).not.toContain('refused');
  expect(await accountOf(email)).toMatchObject({ metadata: { plan: 'pro' } });
});

test('an import waits for a transaction that gives the same external id to another account', async () => {
  const [email, externalId] = [newAddress(), `taken ${newAddress()}`];
  const other = new Client({ connectionString: database.url });
  await other.connect();
  await other.query('begin');
  await other.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `external-id:${externalId}`,
  ]);
  const running = importLines([JSON.stringify({ email, externalId })]);
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  await until(async () => (await database.query(waiting)).length > 0);
  await other.query(
    `insert into users (id, email, external_id, status, created_at, updated_at)
     values (gen_random_uuid(), $1, $2, 'ACTIVE', now(), now())`,
    [newAddress(), externalId],
  );
  await other.query('commit');
  await other.end();
  const { report } = await running;
  expect(report).toEqual([expect.objectContaining({ outcome: 'refused', field: 'externalId' })]);
});
