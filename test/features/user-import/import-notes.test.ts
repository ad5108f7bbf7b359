/** What `import users` prints at its end: counts, and notes about the whole file and about groups that exist. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const environment = () => environmentOf(service.database, service.mail);

async function importFile(content: string, options: readonly string[] = []) {
  const file = join(makeScratchDirectory('import'), 'people');
  await writeFile(file, content);
  const report = `${file}.report`;
  const result = await runCommand(['import', 'users', file, '--report', report, ...options], {
    environment: environment(),
  });
  const lines = (await readFile(report, 'utf8')).split('\n').filter((line) => line !== '');
  return { ...result, report: lines.map((line) => JSON.parse(line)) };
}

const importLines = (people: readonly object[], options?: readonly string[]) =>
  importFile(people.map((person) => `${JSON.stringify(person)}\n`).join(''), options);

test('a note about the whole file concerns no line and is in no count', async () => {
  const people = [newAddress(), newAddress()].map((email) => ({ email, nickname: 'x' }));
  const { stdout, report } = await importLines(people);
  expect(stdout).toContain('Note: nickname: The field is not known and was ignored. (2 people)');
  expect(stdout).toContain('0 accounts have a changed value.');
  const { stdout: one } = await importLines([{ email: newAddress(), firstName: 'A/B' }]);
  expect(one).toContain('1 person read: 1 created');
  expect(one).toContain('1 account has a changed value.');
  expect(stdout).not.toMatch(/Changed|line 0/);
  expect(report).toEqual([
    {
      line: null,
      externalId: null,
      email: null,
      outcome: 'note',
      field: 'nickname',
      reason: 'The field is not known and was ignored. (2 people)',
      remedy: 'Put it into metadata to keep it.',
    },
  ]);
});

test('JSON has the notes in a list of their own', async () => {
  const { stdout } = await importLines([{ email: newAddress(), nickname: 'x' }], ['--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    changed: 0,
    reasons: [],
    notes: [{ field: 'nickname', reason: 'The field is not known and was ignored. (1 person)' }],
  });
});

test('the counts say how many accounts have no password, and how many become staff and superusers', async () => {
  const plain = newAddress();
  const passwordHash = '$2b$12$LJ3m4ys3Lz0WZ5p5qYbXhu0123456789abcdefghijklmnopqrstu';
  const { stdout } = await importLines([
    { email: plain, passwordHash },
    { email: newAddress(), isStaff: true },
    { email: newAddress(), isStaff: true, isSuperuser: true },
  ]);
  expect(stdout).toContain(
    'Without a password: 2 of the created accounts.\n  These people choose one with "forgot password".\n',
  );
  expect(stdout).toContain('New staff: 2. New superusers: 1.');
  const update = await importLines(
    [{ email: plain, isStaff: true, isSuperuser: true }],
    ['--on-conflict', 'update'],
  );
  expect(update.stdout).toContain('Without a password: 0 of the created accounts.\nNew staff: 1.');
  expect(update.stdout).toContain('New superusers: 1.');
  const again = await importLines(
    [{ email: plain, isStaff: true, isSuperuser: true, firstName: 'Ada' }],
    ['--on-conflict', 'update'],
  );
  expect(again.stdout).toContain('New staff: 0. New superusers: 0.');
});

test('a group that exists keeps its permissions, and a note lists those that differ from the file', async () => {
  const permission = (pk: number, codename: string) => ({
    model: 'auth.permission',
    pk,
    fields: { name: codename, content_type: ['shop', 'order'], codename },
  });
  const dump = (permissions: readonly number[], email = newAddress()) =>
    JSON.stringify([
      permission(1, 'view_order'),
      permission(2, 'add_order'),
      { model: 'auth.group', pk: 1, fields: { name: 'Sellers', permissions } },
      {
        model: 'users.user',
        pk: email,
        fields: { email, password: '!', last_login: null, is_active: true, groups: [1] },
      },
    ]);
  const permissionsHere = async () =>
    (
      await service.database.query<{ codename: string }>(
        `select p.codename from group_permissions gp join permissions p on p.id = gp.permission_id
         join groups g on g.id = gp.group_id where g.name = 'Sellers'`,
      )
    ).map(({ codename }) => codename);
  const first = await importFile(dump([1]));
  expect(first.stdout).not.toContain('Note:');
  const same = await importFile(dump([1]));
  expect(same.stdout).not.toContain('Note:');
  for (const options of [['--dry-run'], []]) {
    const { stdout, report } = await importFile(dump([2]), options);
    expect(stdout).toContain(
      'Note: groups: The group "Sellers" exists and keeps its permissions, which differ. ' +
        'Only in the file: shop.add_order. Only here: shop.view_order.',
    );
    expect(report).toMatchObject([{ line: null, outcome: 'note', field: 'groups' }]);
    expect(await permissionsHere()).toEqual(['shop.view_order']);
  }
});
