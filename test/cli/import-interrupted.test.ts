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
  await runCommand(['migrate'], { environment: environmentOf(database) });
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

async function countOf(table: string): Promise<number> {
  const [row] = await database.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(row?.count);
}

test('an import that is killed several times continues, and imports each person once', async () => {
  const file = await writePeople(6000);
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
  expect(interrupted).toBeLessThan(6000);
  const last = await spawnCommand(args, { environment, limitMilliseconds: 90_000 });
  expect(last.stderr).toContain('continues');
  expect(last.code).toBe(0);
  expect(last.stdout).toContain('6000 people read');
  expect(await countOf('users')).toBe(6000);
  expect(await countOf('password_hashes')).toBe(6000);
  expect(await countOf("audit_entries where action = 'user-created'")).toBe(6000);
  expect(await countOf("audit_entries where action = 'users-imported'")).toBe(1);
  const lines = (await readFile(report, 'utf8')).trimEnd().split('\n');
  const positions = lines.map((line) => JSON.parse(line).line);
  expect(positions).toEqual(Array.from({ length: 600 }, (_, index) => 10 * index + 1));
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)(
  '%s ends the import after the batch, and the command says how to continue',
  async (signal, code) => {
    const file = await writePeople(6000);
    const environment = environmentOf(database);
    const command = await startCommand(['import', 'users', file], { environment });
    while ((await countOf('users')) < 500) await sleep(20);
    const result = await command.end(signal);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain('same command');
    const count = await countOf('users');
    expect(count % 500).toBe(0);
    const last = await spawnCommand(['import', 'users', file], {
      environment,
      limitMilliseconds: 90_000,
    });
    expect(last.stderr).toContain(`continues after line ${count}`);
    expect(await countOf('users')).toBe(6000);
  },
);

test('16 imports of the same file at once import each person once', async () => {
  const file = await writePeople(1200);
  const environment = environmentOf(database);
  const results = await Promise.all(
    Array.from({ length: 16 }, () => runCommand(['import', 'users', file], { environment })),
  );
  // The last process may also have begun after another one has finished: then every person has an account.
  expect(results.every(({ code }) => code === 0 || code === 1)).toBe(true);
  for (const { code, stderr } of results) if (code === 0) expect(stderr).not.toContain('Another');
  await runCommand(['import', 'users', file, '--on-conflict', 'skip'], { environment });
  expect(await countOf('users')).toBe(1200);
  expect(await countOf("audit_entries where action = 'user-created'")).toBe(1200);
  expect(await countOf('user_groups')).toBe(1200);
});
