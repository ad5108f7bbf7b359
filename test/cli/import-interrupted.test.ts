/** Imports that end in the middle, and imports of the same file at once: each person is imported exactly once. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { environmentOf, spawnCommand, startCommand } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await slowDown();
});
afterEach(() => database.drop());

const bcryptHash = '$2b$12$LJ3m4ys3Lz0WZ5p5qYbXhu0123456789abcdefghijklmnopqrstu';

async function writePeople(count: number): Promise<string> {
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      email: `person${index}@example.com`,
      externalId: `id ${index}`,
      // Every tenth name is changed, so that the report has a line.
      firstName: index % 10 === 0 ? 'A/B' : 'Ada',
      passwordHash: bcryptHash,
      groups: ['Editors'],
    }),
  );
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

/** Each batch of 500 people waits, so that an import of few people can be interrupted in the middle. */
async function slowDown(): Promise<void> {
  await database.query(
    `create function slow_down() returns trigger language plpgsql as
       'begin perform pg_sleep(0.4); return null; end'`,
  );
  await database.query(
    'create trigger slow_down after insert on users for each statement execute function slow_down()',
  );
}

async function countOf(table: string): Promise<number> {
  const [row] = await database.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(row?.count);
}

async function expectReport(report: string, count: number): Promise<void> {
  const lines = (await readFile(report, 'utf8')).trimEnd().split('\n');
  const positions = lines.map((line) => JSON.parse(line).line);
  expect(positions).toEqual(Array.from({ length: count }, (_, index) => 10 * index + 1));
}

test('an import that is killed several times continues, and imports each person once', async () => {
  const file = await writePeople(2500);
  const report = `${file}.report`;
  const args = ['import', 'users', file, '--report', report];
  const environment = environmentOf(database);
  for (let kill = 1; kill <= 3; kill += 1) {
    const before = await countOf('users');
    const command = await startCommand(args, { environment });
    while ((await countOf('users')) < before + 500) await sleep(20);
    await command.end('SIGKILL');
  }
  const interrupted = await countOf('users');
  expect(interrupted).toBeLessThan(2500);
  const last = await runCommand(args, { environment });
  expect(last.stderr).toContain('continues');
  expect(last.code).toBe(0);
  expect(last.stdout).toContain('2500 people read');
  expect(await countOf('users')).toBe(2500);
  expect(await countOf('password_hashes')).toBe(2500);
  expect(await countOf("audit_entries where action = 'user-created'")).toBe(2500);
  expect(await countOf("audit_entries where action = 'users-imported'")).toBe(1);
  await expectReport(report, 250);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)(
  '%s ends the import after the batch, and the command says how to continue',
  async (signal, code) => {
    const file = await writePeople(2000);
    const environment = environmentOf(database);
    const command = await startCommand(['import', 'users', file], { environment });
    while ((await countOf('users')) < 500) await sleep(20);
    const result = await command.end(signal);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain('same command');
    const count = await countOf('users');
    expect(count % 500).toBe(0);
    expect(count).toBeLessThan(2000);
    const last = await runCommand(['import', 'users', file], { environment });
    expect(last.stderr).toContain(`continues after line ${count}`);
    expect(await countOf('users')).toBe(2000);
  },
);

test('two processes with one file and one report import each person once, with exact totals', async () => {
  const file = await writePeople(1000);
  const report = `${file}.report`;
  const environment = environmentOf(database);
  const args = ['import', 'users', file, '--json', '--report', report];
  const results = await Promise.all([
    spawnCommand(args, { environment, limitMilliseconds: 90_000 }),
    spawnCommand(args, { environment, limitMilliseconds: 90_000 }),
  ]);
  const [done, refused] = results.toSorted((a, b) => Number(a.code) - Number(b.code));
  expect([done?.code, refused?.code]).toEqual([0, 1]);
  expect(JSON.parse(done?.stdout ?? '')).toMatchObject({ read: 1000, created: 1000, changed: 100 });
  expect(refused?.stderr).toMatch(/Another process imports this file|The file exists/);
  await expectReport(report, 100);
  expect(await countOf('users')).toBe(1000);
});

test('an import stops when another one writes to its report', async () => {
  const [file, other] = [await writePeople(1000), await writePeople(1000)];
  const report = `${file}.report`;
  const environment = environmentOf(database);
  await writeFile(
    other,
    (await readFile(file, 'utf8')).replaceAll('person', 'other').replaceAll('id ', 'other '),
  );
  const results = await Promise.all(
    [file, other].map((people) =>
      runCommand(['import', 'users', people, '--report', report], { environment }),
    ),
  );
  expect(results.map(({ code }) => code).toSorted()).toEqual([0, 1]);
  const refused = results.find(({ code }) => code === 1);
  expect(refused?.stderr).toMatch(/report: (Another import writes to this file|The file exists)/);
  await expectReport(report, 100);
});

test('a new import names the unfinished one with other options', async () => {
  const file = await writePeople(2000);
  const environment = environmentOf(database);
  const args = ['import', 'users', file, '--on-conflict', 'skip'];
  const command = await startCommand(args, { environment });
  while ((await countOf('users')) < 500) await sleep(20);
  await command.end('SIGKILL');
  const other = await runCommand(args.with(-1, 'update'), { environment });
  expect(other.stderr).toMatch(
    /other options stopped after line \d+\.\n.*--on-conflict skip .*continues it\.\n.*first person/,
  );
  expect((await runCommand(args, { environment })).stderr).toContain('continues after line');
});

test('16 imports of the same file at once import each person once', async () => {
  const file = await writePeople(600);
  const environment = environmentOf(database);
  const results = await Promise.all(
    Array.from({ length: 16 }, () => runCommand(['import', 'users', file], { environment })),
  );
  // The last process may also have begun after another one has finished: then every person has an account.
  expect(results.every(({ code }) => code === 0 || code === 1)).toBe(true);
  for (const { code, stderr } of results) if (code === 0) expect(stderr).not.toContain('Another');
  await runCommand(['import', 'users', file, '--on-conflict', 'skip'], { environment });
  expect(await countOf('users')).toBe(600);
  expect(await countOf("audit_entries where action = 'user-created'")).toBe(600);
  expect(await countOf('user_groups')).toBe(600);
});
