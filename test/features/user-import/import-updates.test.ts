/** `import users --on-conflict update`: two lines for one account, parallel changes, status, rights and passwords. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashSync } from '@node-rs/bcrypt';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { goodPassword, newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const otherPassword = 'Lantern-Meadow-17';

let service: TestService;
let passwordHash: string;
let otherHash: string;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  passwordHash = hashSync(goodPassword, 4);
  otherHash = hashSync(otherPassword, 4);
});
afterAll(() => service.close());

async function writePeople(people: readonly object[]): Promise<string> {
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  await writeFile(file, people.map((person) => `${JSON.stringify(person)}\n`).join(''));
  return file;
}

async function importFile(file: string, options: readonly string[] = []) {
  const reportFile = join(makeScratchDirectory('import'), 'report.jsonl');
  const { code, stdout, stderr } = await runCommand(
    ['import', 'users', file, '--json', '--report', reportFile, ...options],
    { environment: environmentOf(service.database, service.mail) },
  );
  const lines = (await readFile(reportFile, 'utf8')).split('\n').filter((line) => line !== '');
  const report = lines.map((line) => JSON.parse(line));
  return { code, stderr, counts: JSON.parse(stdout || 'null'), report };
}

const update = async (people: readonly object[], options: readonly string[] = []) =>
  importFile(await writePeople(people), ['--on-conflict', 'update', ...options]);

const create = async (...people: readonly object[]) => importFile(await writePeople(people));

async function accountOf(email: string) {
  const [row] = await service.database.query<Record<string, unknown>>(
    `select u.*, h.password_hash from users u left join password_hashes h on h.user_id = u.id where u.email = $1`,
    [email],
  );
  return row;
}

const logIn = async (email: string, password = goodPassword) =>
  (await service.rest('POST', '/login/', { json: { email, password } })).status;

const otherAddress = (line: number) => ({
  line,
  outcome: 'refused',
  field: 'externalId',
  reason: 'An account with this external id has another address.',
});

test('an external id does not give one person the account of another, and the dry run says so', async () => {
  const [email, other] = [newAddress(), newAddress()];
  await create({ email, externalId: email, passwordHash });
  const file = await writePeople([
    { email: newAddress(), externalId: email, passwordHash: otherHash, isSuperuser: true },
    { email, lastName: 'Changed' },
    { email: other, externalId: other },
    { email: newAddress(), externalId: email },
  ]);
  for (const onConflict of ['update', 'skip', 'fail']) {
    const options = ['--on-conflict', onConflict];
    const dryRun = await importFile(file, [...options, '--dry-run']);
    expect(dryRun.code).toBe(1);
    expect(dryRun.report).toContainEqual(expect.objectContaining(otherAddress(1)));
  }
  const { counts, report } = await importFile(file, ['--on-conflict', 'update']);
  expect(counts).toMatchObject({ read: 4, created: 1, updated: 1, refused: 2 });
  expect(report).toMatchObject([otherAddress(1), { line: 4, outcome: 'refused' }]);
  expect(await logIn(email)).toBe(200);
  expect(await logIn(email, otherPassword)).toBe(401);
  expect(await accountOf(email)).toMatchObject({ last_name: 'Changed', is_superuser: false });
});

test('two lines for the last active superuser do not demote it', async () => {
  const email = newAddress();
  await create({ email, externalId: email, isSuperuser: true });
  const { counts, report } = await update([
    { email: newAddress(), externalId: email, isSuperuser: false },
    { email, isSuperuser: false },
  ]);
  expect(counts).toMatchObject({ updated: 0, refused: 2 });
  expect(report).toMatchObject([otherAddress(1), { line: 2, field: 'isSuperuser' }]);
  expect(await accountOf(email)).toMatchObject({ is_superuser: true });
});

/** Runs an update while another transaction holds the account, then changes the account and commits. */
async function updateDuring(
  email: string,
  person: object,
  change: readonly [sql: string, value: unknown],
) {
  const client = new Client({ connectionString: service.database.url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select 1 from users where email = $1 for update', [email]);
    const updated = update([{ email, ...person }]);
    await until(async () => {
      const waiting = await service.database.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      );
      return waiting.length > 0;
    });
    await client.query(change[0], [change[1], email]);
    await client.query('commit');
    return await updated;
  } finally {
    await client.end();
  }
}

test('an update that waits for a change of the password keeps the new password', async () => {
  const email = newAddress();
  await create({ email, passwordHash });
  const newHash = await service.app.hasher.hash(otherPassword);
  const { report } = await updateDuring(email, { lastName: 'Changed', passwordHash: otherHash }, [
    `update password_hashes set password_hash = $1 where user_id = (select id from users where email = $2)`,
    newHash,
  ]);
  expect(report).toMatchObject([{ outcome: 'changed', field: 'passwordHash' }]);
  expect(await accountOf(email)).toMatchObject({ last_name: 'Changed', password_hash: newHash });
});

test('an update that waits for the first password of an account keeps this password', async () => {
  const email = newAddress();
  await create({ email });
  const newHash = await service.app.hasher.hash(otherPassword);
  await updateDuring(email, { passwordHash }, [
    `insert into password_hashes (user_id, password_hash, updated_at)
     select id, $1, now() from users where email = $2`,
    newHash,
  ]);
  expect(await accountOf(email)).toMatchObject({ password_hash: newHash });
});

test('an update does not change an account that got another address meanwhile', async () => {
  const [email, newer] = [newAddress(), newAddress()];
  await create({ email });
  const { counts } = await updateDuring(email, { lastName: 'Changed' }, [
    'update users set email = $1 where email = $2',
    newer,
  ]);
  expect(counts).toMatchObject({ created: 1, updated: 0 });
  expect(await accountOf(newer)).toMatchObject({ last_name: '' });
});

test('an account that was disabled here stays disabled, and the report has the command that enables it', async () => {
  const email = newAddress();
  await create({ email, passwordHash, status: 'DISABLED' });
  const { counts, report } = await update([{ email, status: 'ACTIVE' }]);
  expect(counts).toMatchObject({ unchanged: 1, changed: 1, disabled: 0 });
  expect(report).toMatchObject([{ outcome: 'changed', field: 'status' }]);
  expect(report[0].remedy).toContain('gatehouse users enable');
  expect(await accountOf(email)).toMatchObject({ status: 'DISABLED' });
});

test('the report and the counts have each promotion, demotion and change of the status', async () => {
  const emails = [newAddress(), newAddress(), newAddress(), newAddress(), newAddress()];
  const [promoted, demoted, disabled, pending, same] = emails;
  await create(
    { email: promoted },
    { email: demoted, isStaff: true, isSuperuser: true },
    { email: disabled },
    { email: pending, status: 'PENDING' },
    { email: same, isStaff: true },
    { email: newAddress(), isSuperuser: true },
  );
  const file = await writePeople([
    { email: promoted, isStaff: true, isSuperuser: true },
    { email: demoted, isStaff: false, isSuperuser: false },
    { email: disabled, status: 'DISABLED' },
    { email: pending, status: 'ACTIVE' },
    { email: same, isStaff: true, status: 'ACTIVE' },
  ]);
  const options = ['--on-conflict', 'update'];
  const expected = {
    code: 0,
    counts: { updated: 4, unchanged: 1, staff: 1, superusers: 1, demoted: 1, disabled: 1 },
    report: [
      { line: 1, reason: 'The account became staff.' },
      { line: 1, reason: 'The account became a superuser.' },
      { line: 2, reason: 'The account is no longer staff.' },
      { line: 2, reason: 'The account is no longer a superuser.' },
      { line: 3, reason: 'The account was disabled.' },
      { line: 4, reason: 'The account was pending and is active now.' },
    ],
  };
  expect(await importFile(file, [...options, '--dry-run'])).toMatchObject(expected);
  expect(await importFile(file, options)).toMatchObject(expected);
  expect(await accountOf(`${pending}`)).toMatchObject({ status: 'ACTIVE' });
});

test('an update removes an imported password that the other system has removed', async () => {
  const [removed, emptied, missing, used] = [
    newAddress(),
    newAddress(),
    newAddress(),
    newAddress(),
  ];
  const emails = [removed, emptied, missing, used];
  await create(...emails.map((email) => ({ email, passwordHash })));
  const { id } = (await accountOf(removed)) ?? {};
  await service.database.query(
    `insert into one_time_passwords (id, user_id, email, kind, digest, created_at, expires_at)
     values (gen_random_uuid(), $1, $2, 'reset-password', 'digest of ' || $2::text, now(), now() + interval '1 hour')`,
    [id, removed],
  );
  expect(await logIn(used)).toBe(200);
  const lines = [
    { email: removed, passwordHash: '!unusable' },
    { email: emptied, passwordHash: '' },
    { email: missing },
    { email: used, passwordHash: '!unusable' },
  ];
  const { counts, report } = await update(lines);
  expect(counts).toMatchObject({ updated: 2, unchanged: 2, changed: 3 });
  expect(report).toMatchObject([
    { line: 1, field: 'passwordHash', reason: expect.stringContaining('was removed') },
    { line: 2, field: 'passwordHash', reason: expect.stringContaining('was removed') },
    { line: 4, field: 'passwordHash', reason: expect.stringContaining('keeps it') },
  ]);
  expect(await Promise.all(emails.map((email) => logIn(email)))).toEqual([401, 401, 200, 200]);
  const codes = await service.database.query(
    'select 1 from one_time_passwords where user_id = $1 and ended_at is null',
    [id],
  );
  expect(codes).toEqual([]);
  const actions = await service.database.query<{ action: string }>(
    `select action from audit_entries where target_id = $1 and action like 'password%'`,
    [id],
  );
  expect(actions).toEqual([{ action: 'password-removed' }]);
  expect((await update(lines)).counts).toMatchObject({ updated: 0, unchanged: 4 });
});

test('an unchanged file with other spellings, weak hashes and unconfirmed people changes nothing, also after logins', async () => {
  const [weak, logged, pending, spelled] = [newAddress(), newAddress(), newAddress(), newAddress()];
  const digest = createHash('md5').update(`salt${goodPassword}`).digest('hex');
  const group = `Group of ${spelled}`;
  const people = [
    { email: weak, passwordHash: `md5$salt$${digest}` },
    { email: logged, passwordHash: `md5$salt$${digest}` },
    { email: pending, passwordHash, status: 'PENDING' },
    {
      email: `  ${spelled.toUpperCase()} `,
      username: 'Zoe\u0308 of the hill',
      firstName: 'Zoe\u0308 "Z"',
      metadata: { b: { d: 1.0, c: [1, 'e\u0301'] }, a: -0 },
      locale: 'en_US',
      createdAt: '2020-01-31T12:00:00.123456+01:00',
      lastLoginAt: '2020-02-01',
      emailVerifiedAt: '2020-01-31 12:00:00.9999Z',
      groups: [{ name: group, expiresAt: '2099-01-01T00:00:00.123456Z' }, `${group} 2`],
      permissions: ['b.c', 'a.b', 'b.c'],
    },
  ];
  const weakHashes = ['--allow-weak-hashes'];
  await importFile(await writePeople(people), weakHashes);
  const unchanged = { created: 0, updated: 0, unchanged: 4 };
  expect((await update(people, weakHashes)).counts).toMatchObject(unchanged);
  expect(await logIn(logged)).toBe(200);
  await service.database.query(
    `update users set status = 'ACTIVE', email_verified_at = now() where email = $1`,
    [pending],
  );
  expect(await logIn(pending)).toBe(200);
  expect((await update(people, [...weakHashes, '--dry-run'])).counts).toMatchObject(unchanged);
  expect((await update(people, weakHashes)).counts).toMatchObject(unchanged);
  expect(await Promise.all([weak, logged, pending].map((email) => logIn(email)))).toEqual([
    200, 200, 200,
  ]);
  const otherDigest = createHash('md5').update(`salt${otherPassword}`).digest('hex');
  const [first] = [{ email: weak, passwordHash: `md5$salt$${otherDigest}` }];
  await service.database.query(
    `update password_hashes set password_hash = $1 where user_id = (select id from users where email = $2)`,
    [await service.app.hasher.wrapWeak(`md5$salt$${digest}`), weak],
  );
  expect((await update([first], weakHashes)).counts).toMatchObject({ updated: 1, unchanged: 0 });
  expect(await logIn(weak, otherPassword)).toBe(200);
});

test('a person who became inactive at Django does not stay active', async () => {
  const email = newAddress();
  const dump = (isActive: boolean) => [
    {
      model: 'users.user',
      pk: email,
      fields: { email, password: passwordHash, last_login: null, is_active: isActive },
    },
  ];
  const file = async (isActive: boolean) => {
    const path = join(makeScratchDirectory('import'), 'people.json');
    await writeFile(path, JSON.stringify(dump(isActive)));
    return path;
  };
  await importFile(await file(true), ['--emails-verified']);
  const options = ['--emails-verified', '--inactive', 'pending', '--on-conflict', 'update'];
  expect((await importFile(await file(false), options)).counts).toMatchObject({ updated: 1 });
  expect(await accountOf(email)).toMatchObject({ status: 'PENDING' });
});

test('the external id of another system replaces the former one, and the report says so', async () => {
  const email = newAddress();
  await create({ email, externalId: `first-${email}` });
  const { counts, report } = await update([{ email, externalId: `second-${email}` }]);
  expect(counts).toMatchObject({ updated: 1, changed: 1 });
  expect(report).toMatchObject([
    { line: 1, field: 'externalId', reason: expect.stringContaining('was replaced') },
  ]);
  expect(await accountOf(email)).toMatchObject({ external_id: `second-${email}` });
});

test('a read-only database is named, and a dry run works', async () => {
  const client = new Client({ connectionString: service.database.url });
  await client.connect();
  await client.query('set default_transaction_read_only = off'); // for the end of the test
  const readOnly = (value: string) =>
    client.query(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}', current_database()); end $$`,
    );
  const run = async (...options: string[]) =>
    runCommand(['import', 'users', await writePeople([{ email: newAddress() }]), ...options], {
      environment: environmentOf(service.database, service.mail),
    });
  await readOnly('on');
  try {
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain('The database is read-only.');
    expect(await run('--dry-run')).toMatchObject({ code: 0 });
  } finally {
    await readOnly('off');
    await client.end();
  }
});
