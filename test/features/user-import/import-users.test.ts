/** `import users` with files in our own format: accounts, changed and refused values, conflicts, audit log. */
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openImportFile } from '../../../src/features/user-import/import-file.ts';
import { isRoot } from '../../../src/features/user-import/validation/grant-fields.ts';
import { environmentOf } from '../../support/command.ts';
import { databaseLine, runCommand } from '../../support/command-line.ts';
import { goodPassword, newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';

let service: TestService;
let passwordHash: string;
beforeAll(async () => {
  service = await startService();
  passwordHash = await service.app.hasher.hash(goodPassword);
});
afterAll(() => service.close());

const bcryptHash = '$2b$12$LJ3m4ys3Lz0WZ5p5qYbXhu0123456789abcdefghijklmnopqrstu';

async function importPeople(people: readonly object[], options: readonly string[] = []) {
  const directory = makeScratchDirectory('import');
  const file = join(directory, 'people.jsonl');
  const reportFile = join(directory, 'report.jsonl');
  await writeFile(file, people.map((person) => `${JSON.stringify(person)}\n`).join(''));
  const result = await runCommand(
    ['import', 'users', file, '--json', '--report', reportFile, ...options],
    { environment: environmentOf(service.database, service.mail) },
  );
  const lines = await readFile(reportFile, 'utf8').catch(() => '');
  return {
    ...result,
    reportFile,
    json: result.stdout === '' ? undefined : JSON.parse(result.stdout),
    report: lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)])),
  };
}

async function accountOf(email: string) {
  const [row] = await service.database.query<Record<string, unknown>>(
    `select u.*, h.password_hash,
       array(select g.name from user_groups ug join groups g on g.id = ug.group_id where ug.user_id = u.id
         order by 1) as groups,
       array(select p.codename from user_permissions up join permissions p on p.id = up.permission_id
         where up.user_id = u.id order by 1) as permissions
     from users u left join password_hashes h on h.user_id = u.id where u.email = $1`,
    [email],
  );
  return row;
}

const logIn = (email: string) =>
  service.rest('POST', '/login/', { json: { email, password: goodPassword } });

/** The number of rows of each table except logs of runs. */
async function rowCounts() {
  const tables = await service.database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('public', 'graphile_worker')`,
  );
  const counts: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await service.database.query<{ count: string }>(`select count(*) from ${name}`);
    counts[name] = row?.count ?? '';
  }
  return counts;
}

test('an imported person logs in with the password of the other system, and gets no mail', async () => {
  const email = newAddress();
  const result = await importPeople([
    {
      email,
      firstName: 'Ada',
      lastName: 'Lovelace',
      externalId: `id-${email}`,
      metadata: { plan: 'gold' },
      createdAt: '2020-01-02T03:04:05Z',
      lastLoginAt: null,
      isStaff: true,
      passwordHash,
      groups: ['Editors', { name: 'Guests', expiresAt: '2999-01-01T00:00:00Z' }],
      permissions: ['shop.view_order'],
    },
  ]);
  expect(result).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(databaseLine),
    report: [],
  });
  expect(result.json).toMatchObject({ read: 1, created: 1, refused: 0, staff: 1 });
  expect(await accountOf(email)).toMatchObject({
    first_name: 'Ada',
    external_id: `id-${email}`,
    metadata: { plan: 'gold' },
    created_at: new Date('2020-01-02T03:04:05Z'),
    last_login_at: null,
    status: 'ACTIVE',
    groups: ['Editors', 'Guests'],
    permissions: ['shop.view_order'],
  });
  expect((await logIn(email)).status).toBe(200);
  await quiet(service);
  expect(service.mail.mails.filter(({ to }) => to.includes(email))).toEqual([]);
});

test('an erasure leaves no external id and no address in the database', async () => {
  const email = newAddress();
  const externalId = `former-${email}`;
  const person = { email, externalId, firstName: 'A/B', passwordHash };
  const { json } = await importPeople([person, { ...person, externalId: undefined }]);
  expect(json).toMatchObject({ created: 1, changed: 1, refused: 1 });
  const args = ['users', 'erase', email, '--yes'];
  await runCommand(args, { environment: environmentOf(service.database, service.mail) });
  const rows = await service.database.query(
    "select 1 from user_imports i where i::text like '%' || $1 || '%'",
    [email],
  );
  expect(rows).toEqual([]);
});

test('a report never destroys a file', async () => {
  const directory = makeScratchDirectory('import');
  const [file, other, link] = ['people.jsonl', 'other.txt', 'link'].map((n) => join(directory, n));
  if (!file || !other || !link) throw new Error('three names');
  const person = `${JSON.stringify({ email: newAddress(), firstName: 'A/B' })}\n`;
  await writeFile(file, person);
  await writeFile(other, 'other');
  await symlink(other, link);
  const environment = environmentOf(service.database, service.mail);
  for (const option of ['--dry-run', '--emails-verified']) {
    for (const report of [file, other, link, directory]) {
      const args = ['import', 'users', file, option, '--report', report];
      const { code, stderr } = await runCommand(args, { environment });
      expect(code).not.toBe(0);
      expect(stderr).toContain('report: ');
    }
  }
  expect([await readFile(file, 'utf8'), await readFile(other, 'utf8')]).toEqual([person, 'other']);
  const first = ['import', 'users', file, '--report', join(directory, 'report')];
  expect((await runCommand(first, { environment })).code).toBe(0);
  const again = await runCommand(first, { environment });
  const third = await runCommand(first, { environment });
  for (const { code, stderr } of [again, third]) {
    expect(code).toBe(1);
    expect(stderr).toContain('The file exists. Remove it, or choose another file.');
  }
  expect(await readFile(join(directory, 'report'), 'utf8')).toContain('"line":1');
});

test('a file that changes after its digest was computed ends the import', async () => {
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  await writeFile(file, '{"email":"a@example.com"}\n');
  const opened = await openImportFile(file, undefined, {
    inactive: 'DISABLED',
    isEmailVerified: false,
  });
  await opened.assertUnchanged();
  await writeFile(file, '{"email":"b@example.com"}\n');
  await expect(opened.assertUnchanged()).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
});

test('control characters of the file are escaped in the report', async () => {
  const externalId = '\u009b31m\u202e\u001b[2J';
  const { report, reportFile } = await importPeople([{ email: 'none', externalId }]);
  expect(report).toMatchObject([{ outcome: 'refused', externalId }]);
  expect(await readFile(reportFile, 'utf8')).toMatch(/^[\x20-\x7e]+\n$/);
});

test('a group that the database takes for Root is left out like Root', async () => {
  const email = newAddress();
  const end = { name: 'Ｒｏｏｔ', expiresAt: '2030-01-01T00:00:00Z' };
  const { report } = await importPeople([
    { email, isSuperuser: true, status: 'DISABLED', groups: [end, 'ℛOOT'] },
    { email: newAddress(), groups: [end, 'Editors'] },
  ]);
  expect(report).toMatchObject([{ line: 2, outcome: 'changed', field: 'groups' }]);
  expect(await accountOf(email)).toMatchObject({ groups: ['Root'] });
});

test('the import knows each letter that the database takes for one of Root', async () => {
  const rows = await service.database.query<{ other: string; letter: string }>(
    `select chr(code) as other, fold_case(chr(code)) as letter from generate_series(1, 1114111) code
     where code not between 55296 and 57343 and fold_case(chr(code)) = any(array['r', 'o', 't'])`,
  );
  expect(rows.length).toBeGreaterThan(6);
  expect(rows.filter(({ other, letter }) => !isRoot('root'.replace(letter, other)))).toEqual([]);
});

test('values that an account cannot have are changed, kept in the metadata and reported', async () => {
  const email = newAddress();
  const { json, report, reportFile } = await importPeople([
    {
      email,
      username: 'jane doe',
      firstName: 'Jane "JD" <b>',
      lastName: '',
      createdAt: '2999-01-01T00:00:00Z',
      lastLoginAt: '1900-01-01T00:00:00Z',
      locale: 'not a language',
      groups: ['Root'],
    },
  ]);
  expect(json).toMatchObject({ created: 1, changed: 1, refused: 0, withoutPassword: 1 });
  expect(await accountOf(email)).toMatchObject({
    username: null,
    first_name: "Jane 'JD' b",
    metadata: { username: 'jane doe', firstName: 'Jane "JD" <b>' },
    last_login_at: null,
    locale: null,
    groups: [],
  });
  expect(report.map(({ outcome, field }) => `${outcome} ${field}`).sort()).toEqual([
    'changed createdAt',
    'changed firstName',
    'changed groups',
    'changed lastLoginAt',
    'changed locale',
    'changed username',
  ]);
  expect((await stat(reportFile)).mode & 0o777).toBe(0o600);
});

test('a person who cannot be imported is refused with a reason, and nobody else is lost', async () => {
  const [one, two, three] = [newAddress(), newAddress(), newAddress()];
  const { code, json, report } = await importPeople([
    { email: one, username: `U${one.split('@')[0]}` },
    { email: one.toUpperCase() },
    { email: 'josé@example.com' },
    { email: newAddress(), passwordHash: 'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99' },
    { email: newAddress(), status: 'SLEEPING' },
    { email: two, username: `u${one.split('@')[0]}` },
    { firstName: 'Nobody' },
    { email: three, externalId: 'the same' },
    { email: newAddress(), externalId: 'the same' },
    { email: newAddress(), metadata: { number: 1e300 } },
  ]);
  expect(code).toBe(1);
  expect(json).toMatchObject({ read: 10, created: 3, refused: 7 });
  expect(report.filter(({ outcome }) => outcome === 'refused').map(({ line }) => line)).toEqual([
    2, 3, 4, 5, 7, 9, 10,
  ]);
  expect(report.find(({ line }) => line === 2)?.reason).toContain('Line 1 has the same address');
  expect(await accountOf(two)).toMatchObject({
    username: null,
    metadata: { username: `u${one.split('@')[0]}` },
  });
});

test('a dry run reports everything and writes nothing', async () => {
  const email = newAddress();
  await importPeople([{ email }]);
  const before = await rowCounts();
  const { code, json, report, stderr } = await importPeople(
    [{ email }, { email: newAddress(), groups: ['A group that is new'], passwordHash }, {}],
    ['--dry-run'],
  );
  const { host, pathname } = new URL(service.database.url);
  expect([code, stderr]).toEqual([1, `Database: ${host}${pathname}\n`]);
  expect(json).toMatchObject({ isDryRun: true, read: 3, created: 1, refused: 2 });
  expect(json.createdAccess.groups).toEqual(['A group that is new']);
  expect(report.map(({ line }) => line)).toEqual([1, 3]);
  expect(await rowCounts()).toEqual(before);
});

test('an existing account is refused, skipped or updated', async () => {
  const email = newAddress();
  await importPeople([{ email, firstName: 'Old', groups: ['Editors'], passwordHash: bcryptHash }]);
  const line = { email, firstName: 'New', groups: ['Writers'], isStaff: true, passwordHash };
  const failed = await importPeople([line]);
  expect([failed.code, failed.json.refused]).toEqual([1, 1]);
  const skipped = await importPeople([line], ['--on-conflict', 'skip']);
  expect([skipped.code, skipped.json.skipped]).toEqual([0, 1]);
  expect(await accountOf(email)).toMatchObject({ first_name: 'Old' });
  const updated = await importPeople([line], ['--on-conflict', 'update']);
  expect([updated.code, updated.json.updated]).toEqual([0, 1]);
  expect(await accountOf(email)).toMatchObject({
    first_name: 'New',
    is_staff: true,
    groups: ['Writers'],
    password_hash: expect.stringContaining(passwordHash),
  });
  const again = await importPeople([line], ['--on-conflict', 'update']);
  expect(again.json).toMatchObject({ updated: 0, unchanged: 1 });
});

test('an update keeps the password that was set or used here', async () => {
  const email = newAddress();
  await importPeople([{ email, passwordHash }]);
  await logIn(email);
  const { json, report } = await importPeople(
    [{ email, passwordHash: bcryptHash }],
    ['--on-conflict', 'update'],
  );
  expect(json).toMatchObject({ unchanged: 1 });
  expect(report).toMatchObject([{ outcome: 'changed', field: 'passwordHash' }]);
  expect((await logIn(email)).status).toBe(200);
});

test('an update that disables an account ends its sessions', async () => {
  const email = newAddress();
  await importPeople([{ email, passwordHash }]);
  const { body } = await logIn(email);
  await importPeople([{ email, status: 'DISABLED' }], ['--on-conflict', 'update']);
  await service.app.changeFeed.waitUntilDelivered();
  const answer = await service.rest('GET', '/profile/view/', { token: body.data.access_token });
  expect(answer.status).toBe(401);
});

test('the last active superuser stays one', async () => {
  const email = newAddress();
  await importPeople([{ email, isSuperuser: true, passwordHash }]);
  expect(await accountOf(email)).toMatchObject({ groups: ['Root'] });
  const { json, report } = await importPeople(
    [{ email, isSuperuser: false }],
    ['--on-conflict', 'update'],
  );
  expect(json).toMatchObject({ refused: 1, updated: 0 });
  expect(report).toMatchObject([{ outcome: 'refused', field: 'isSuperuser' }]);
  expect(await accountOf(email)).toMatchObject({ is_superuser: true });
});

test('weak hashes are stored inside of an argon2id hash when the operator allows them', async () => {
  const email = newAddress();
  const md5 = 'md5$salt$67a1e09bb1f83f5007dc119c14d663aa'; // md5('salt' + 'password')
  const { json } = await importPeople([{ email, passwordHash: md5 }], ['--allow-weak-hashes']);
  expect(json).toMatchObject({ created: 1, refused: 0 });
  expect((await accountOf(email))?.password_hash).toMatch(/argon2id/);
  const password = 'password';
  const answer = await service.rest('POST', '/login/', { json: { email, password } });
  expect(answer.status).toBe(200);
});

test('the audit log has an entry for each account and one for the import, and stays valid', async () => {
  const emails = [newAddress(), newAddress()];
  await importPeople(emails.map((email) => ({ email })));
  const rows = await service.database.query<{ action: string; actor_kind: string }>(
    `select action, actor_kind from audit_entries
     where target_id in (select id from users where email = any($1)) or action = 'users-imported'
     order by at desc limit 3`,
    [emails],
  );
  expect(rows.map(({ action }) => action).sort()).toEqual([
    'user-created',
    'user-created',
    'users-imported',
  ]);
  expect(new Set(rows.map(({ actor_kind: kind }) => kind))).toEqual(new Set(['operator']));
  const verification = await service.app.unitOfWork.withEntityManager(() =>
    service.app.audit.verifier.verify(),
  );
  expect(verification.faults).toEqual([]);
});
