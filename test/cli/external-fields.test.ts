/** The external id and the metadata of users on the command line. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newName } from '../support/administrators.ts';
import { environmentOf, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword, newAddress } from '../support/people.ts';

// Many commands start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let environment: Variables;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
});
afterAll(() => database.drop());

const run = (...args: string[]) => runCommand(args, { environment, input: goodPassword });
const runJson = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

const create = (email: string, ...options: string[]) =>
  run('createuser', '--active', '--noinput', '--password-stdin', '--email', email, ...options);

test('createuser, users update, users show and users list have both fields', async () => {
  const [email, externalId, other] = [newAddress(), newName(), newName()];
  const metadata = '{"plan":"pro","tags":["a",1,null]}';
  expect(await create(email, '--external-id', externalId, '--metadata', metadata)).toMatchObject({
    code: 0,
  });
  await create(newAddress(), '--external-id', `${externalId}0`);
  expect(await runJson('users', 'show', email)).toMatchObject({
    externalId,
    metadata: JSON.parse(metadata),
  });
  expect(await runJson('users', 'list', '--external-id', externalId)).toEqual([
    expect.objectContaining({ email, externalId, metadata: JSON.parse(metadata) }),
  ]);
  const csv = await run('users', 'list', '--external-id', externalId, '--format', 'csv');
  expect(csv.stdout).toContain(`,${externalId},"${metadata.replaceAll('"', '""')}",`);

  await runJson('users', 'update', email, '--external-id', other, '--metadata', '{"plan":"free"}');
  const { stdout } = await run('users', 'show', email);
  expect(stdout).toContain(`external id  ${other}\n`);
  expect(stdout).toContain('metadata     {"plan":"free"}\n');
  await runJson('users', 'update', email, '--external-id', '', '--metadata', '{}');
  expect(await runJson('users', 'show', email)).toMatchObject({ externalId: null, metadata: {} });
  const plain = await run('users', 'show', email);
  expect(plain.stdout).not.toMatch(/external id|metadata/);
});

test('a table and JSON show no control characters of metadata', async () => {
  const email = newAddress();
  await create(email, '--metadata', '{"a\\u202e":"\\u001b[31m\\u0085"}');
  for (const args of [
    ['show', email],
    ['show', email, '--json'],
    ['list', '--format', 'csv'],
    ['list', '--format', 'json'],
  ]) {
    const { stdout } = await run('users', ...args);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be in the output
    expect(stdout).not.toMatch(/[\u001b\u0085\u202e]/);
    expect(stdout).toMatch(/"a\\u202e"|""a\\u202e""/);
  }
});

describe('refused', () => {
  test.each([
    ['no JSON', 'plan=pro', 2, '--metadata takes JSON'],
    ['a duplicate key', '{"a":1,"a":2}', 2, 'duplicate key'],
    ['the key __proto__', '{"__proto__":{}}', 2, 'not allowed'],
    ['a list', '[1]', 1, 'metadata'],
    ['more than 8 KiB', JSON.stringify({ a: 'x'.repeat(8192) }), 1, '8192 bytes'],
  ])('metadata: %s', async (_what, metadata, code, hint) => {
    const email = newAddress();
    const result = await create(email, '--metadata', metadata);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(hint);
    expect(await database.query('select 1 from users where email = $1', [email])).toEqual([]);
  });

  test('an external id that another account has', async () => {
    const externalId = newName();
    await create(newAddress(), '--external-id', externalId);
    const email = newAddress();
    const created = await create(email, '--external-id', externalId);
    expect(created).toMatchObject({ code: 1, stdout: '' });
    expect(created.stderr).toContain('external-id: Is taken.');
  });
});
