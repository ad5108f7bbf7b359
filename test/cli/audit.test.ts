/** `audit verify`, `audit checkpoint` and `audit tail`. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { newAddress } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

let database: TestDatabase;
let environment: Variables;
let directory: string;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
  directory = makeScratchDirectory('audit');
});
afterAll(async () => {
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

test("operators' changes are listed, verified and signed; entries that are cut off later are found", async () => {
  const email = newAddress();
  const create = ['createuser', '--active', '--noinput', '--password-stdin', '--email', email];
  expect(await runCommand(create, { environment, input: 'a fine password' })).toMatchObject({
    code: 0,
  });
  await runCommand(['keys', 'rotate'], { environment });

  const tail = await runCommand(['audit', 'tail', '--json'], { environment });
  const entries = tail.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ action }) => action !== 'audit-chain-started');
  expect(entries).toMatchObject([
    { action: 'user-created', actorKind: 'operator', after: { email } },
    { action: 'signing-key-rotated', actorKind: 'operator' },
  ]);

  const file = join(directory, 'checkpoint.json');
  await runCommand(['audit', 'checkpoint', '--output', file], { environment });
  expect(JSON.parse(await readFile(file, 'utf8')).chains).toHaveLength(16);
  const verify = ['audit', 'verify', '--checkpoint', file];
  expect(await runCommand(verify, { environment })).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^18 entries, all unchanged\. The chains began at 20[\d.:TZ-]+\.\n$/,
    ),
  });

  await database.query('alter table audit_entries disable trigger all');
  await database.query('delete from audit_entries');
  await database.query("update audit_chains set sequence = 0, mac = '', head_mac = ''");
  const cut = await runCommand(verify, { environment });
  expect(cut.code).toBe(1);
  expect(cut.stdout).toMatch(/CUT_OFF in chain \d+ at place 1: entries were removed from the end/);
  expect(cut.stdout).toContain('NO_START in chain 16 at place 1: the chain was emptied');

  await database.query('delete from audit_chains where chain = 7');
  const removed = await runCommand(['audit', 'verify'], { environment });
  expect(removed.code).toBe(1);
  expect(removed.stdout).toContain('NO_CHAIN in chain 7 at place 1: the chain was removed');
  expect(removed.stdout).toContain('Keep the database as it is');
  const refused = join(directory, 'refused.json');
  const second = await runCommand(['audit', 'checkpoint', '--output', refused], { environment });
  expect(second).toMatchObject({ code: 1, stdout: '' });
  expect(second.stderr).toContain('NO_CHAIN in chain 7');
  await expect(readFile(refused)).rejects.toThrow('ENOENT');
});

test('a file that is no checkpoint is wrong usage', async () => {
  const verify = ['audit', 'verify', '--checkpoint', join(directory, 'nothing.json')];
  expect(await runCommand(verify, { environment })).toMatchObject({ code: 2, stdout: '' });
  const empty = join(directory, 'empty.json');
  await writeFile(empty, 'null');
  const verifyEmpty = ['audit', 'verify', '--checkpoint', empty];
  expect(await runCommand(verifyEmpty, { environment })).toMatchObject({ code: 2, stdout: '' });
});
