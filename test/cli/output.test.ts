/** Output in a real shell: a failed write is an error, a closed pipe is not. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { environmentOf, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runInShell } from '../support/shell.ts';

// Several processes start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let environment: Variables;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
  await database.query(
    `insert into users (id, email, first_name, last_name, status, is_staff, is_superuser, created_at, updated_at)
     select gen_random_uuid(), 'user' || n || '@example.com', 'First', 'Last', 'ACTIVE', false, false, now(), now()
     from generate_series(1, 2000) n`,
  );
});
afterAll(() => database.drop());

describe('a full disk is exit 1 with the reason on stderr', () => {
  test.each([
    ['a table', 'users list'],
    ['JSON', 'users list --json'],
    ['a checkpoint', 'audit checkpoint'],
    ['an export', 'export users'],
    ['a manifest', 'export access'],
    ['only a sentence', 'audit verify'],
    ['help', '--help'],
  ])('%s', async (_, command) => {
    const result = await runInShell('bash', `gatehouse ${command} >/dev/full`, { environment });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/ENOSPC/);
  });

  test('a given output file', async () => {
    const args = ['audit', 'checkpoint', '--output', '/dev/full'];
    const result = await runCommand(args, { environment });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/ENOSPC/);
  });

  test('a change is not undone, and the message says that only its output is lost', async () => {
    const script = 'gatehouse permissions create shop.view_order --name View >/dev/full';
    const result = await runInShell('bash', script, { environment });
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toMatch(/^The output could not be written: .*ENOSPC/);
    const created = await database.query(
      "select 1 from permissions where codename = 'shop.view_order'",
    );
    expect(created).toHaveLength(1);
  });
});

describe('a closed pipe is no error', () => {
  test.each([
    'users list --format csv',
    'users list --json',
    'users list --limit 1500',
    'export users',
    '--help',
  ])('%s', async (command) => {
    const script = `set -o pipefail; gatehouse ${command} | head -1`;
    const result = await runInShell('bash', script, { environment });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.split('\n')).toHaveLength(2);
  });

  test('a failed write to standard error does not affect the command', async () => {
    const script = 'gatehouse users show nobody@example.com 2>/dev/full; echo "exit $?"';
    const result = await runInShell('bash', script, { environment });
    expect(result).toMatchObject({ stdout: 'exit 1\n' });
  });
});

describe('a missing file is not reported as an unavailable database', () => {
  test.each([
    ['a file to read', 'apply -f nosuch.yaml', 2],
    ['a directory to write to', 'audit checkpoint --output nosuch/checkpoint.json', 1],
  ])('%s', async (_, command, code) => {
    const result = await runCommand(command.split(' '), { environment });
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(/ENOENT.*nosuch/);
    expect(result.stderr).not.toMatch(/database/i);
  });

  test('an unavailable mail server', async () => {
    const unavailable = { ...environment, EMAIL_HOST: '127.0.0.1', EMAIL_PORT: '1' };
    const result = await runCommand(['mail', 'test', 'a@example.com'], {
      environment: unavailable,
    });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^The test mail was not sent:/);
    expect(result.stderr).not.toMatch(/database/i);
  });
});
