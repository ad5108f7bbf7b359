/** Imports beside other writers, people with random values, and the dump of a real Django. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { environmentOf } from '../../support/command.ts';
import { databaseLine, runCommand } from '../../support/command-line.ts';
import { newAddress, register, somebody, verify } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const { updateUser } = administrationOf(() => service);

async function importFile(file: string, options: readonly string[] = []) {
  const report = join(makeScratchDirectory('import'), 'report.jsonl');
  const result = await runCommand(['import', 'users', file, '--report', report, ...options], {
    environment: environmentOf(service.database, service.mail),
  });
  const lines = (await readFile(report, 'utf8')).split('\n').filter((line) => line !== '');
  return { ...result, report: lines.map((line) => JSON.parse(line)) };
}

async function writePeople(people: readonly object[]): Promise<string> {
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  await writeFile(file, people.map((person) => `${JSON.stringify(person)}\n`).join(''));
  return file;
}

test('accounts that are created during an import win or lose, and no person is lost', async () => {
  const emails = Array.from({ length: 600 }, () => newAddress());
  const file = await writePeople(emails.map((email) => ({ email })));
  const others = emails.filter((_, index) => index % 40 === 0).slice(0, 16);
  const provisioned = Promise.allSettled(
    others.map((email) =>
      service.app.unitOfWork.withEntityManager(() =>
        service.app.users.provisioning.provision(
          { email, password: 'correct horse battery staple' },
          { kind: 'user', isActive: true },
        ),
      ),
    ),
  );
  const { report } = await importFile(file);
  const results = await provisioned;
  const lost = results.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
  const taken = 'Problem: The value is already in use; see fields.';
  expect(lost.filter((reason) => reason !== taken)).toEqual([]);
  expect(report.length).toBe(others.length - lost.length);
  const [row] = await service.database.query<{ count: string }>(
    'select count(*) from users where email = any($1)',
    [emails],
  );
  expect(Number(row?.count)).toBe(emails.length);
});

test('registrations that are confirmed during an import win or lose, and each address has one account', async () => {
  const emails = Array.from({ length: 600 }, newAddress);
  const registered = emails.filter((_, index) => index % 40 === 0).slice(0, 16);
  const codes = [];
  for (const email of registered) codes.push((await register(service, { email })).code);
  const importing = importFile(await writePeople(emails.map((email) => ({ email }))));
  const outcomes = await Promise.all(codes.map((code) => verify(service, code)));
  const { report, stderr } = await importing;
  expect(stderr).toMatch(databaseLine);
  const lost = outcomes.filter(({ __typename: type }) => type !== 'Acknowledgement');
  for (const outcome of lost) expect(outcome).toMatchObject({ code: 'INVALID_CODE' });
  expect(report.map(({ outcome }) => outcome)).toEqual(
    Array.from({ length: registered.length - lost.length }, () => 'refused'),
  );
  const rows = await service.database.query('select 1 from users where email = any($1)', [emails]);
  expect(rows.length).toBe(emails.length);
});

test('administrators change accounts during an import that updates them, and each change is complete', async () => {
  const root = await somebody(service);
  await service.database.query(
    'update users set is_superuser = true, is_staff = true where id = $1',
    [root.userId],
  );
  const people = Array.from({ length: 600 }, () => ({ email: newAddress(), firstName: 'Old' }));
  await importFile(await writePeople(people));
  const updates = people.map(({ email }) => ({ email, firstName: 'File', lastName: 'File' }));
  const rows = await service.database.query<{ id: string }>(
    'select id from users where email = any($1) order by random() limit 16',
    [people.map(({ email }) => email)],
  );
  const importing = importFile(await writePeople(updates), ['--on-conflict', 'update']);
  const results = await Promise.all(
    rows.map(({ id }) => updateUser(root, id, { firstName: 'Administrator', isStaff: true })),
  );
  expect(results.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'done'));
  expect(await importing).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(databaseLine),
    report: [],
  });
  const [changed] = await service.database.query<{ names: string; staff: string }>(
    `select count(*) filter (where first_name in ('File', 'Administrator') and last_name = 'File') as names,
       count(*) filter (where is_staff) as staff
     from users where email = any($1)`,
    [people.map(({ email }) => email)],
  );
  expect(changed).toEqual({ names: '600', staff: '16' });
});

test('every line is either an account or refused with a reason', async () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const pick = (values: readonly unknown[]) => values[random(values.length)];
  const people = Array.from({ length: 900 }, (_, index) => ({
    email: pick([
      `P${random(700)}@Random.example`,
      `p${index}@ok.example`,
      'bad',
      '',
      null,
      7,
      'é@x.example',
    ]),
    username: pick([undefined, `u${random(300)}`, 'a b', '\u0000', {}, 'x'.repeat(400)]),
    firstName: pick(['Ada', '<b>', '"', null, 3, '\ud800']),
    status: pick([undefined, 'ACTIVE', 'DISABLED', 'ODD']),
    metadata: pick([undefined, {}, { a: 'b\u0000' }, [], { big: 'x'.repeat(9000) }]),
    createdAt: pick([undefined, '2020-01-01T00:00:00Z', 'yesterday', '3000-01-01', 5]),
    groups: pick([undefined, [], ['Random'], ['Root'], 'Random', [null]]),
    externalId: pick([undefined, `e${random(500)}`, index, {}]),
    passwordHash: pick([undefined, '!', 'md5$a$b', 'nonsense']),
  }));
  const file = await writePeople(people);
  const { report, stderr } = await importFile(file);
  expect(stderr).toMatch(databaseLine);
  const refused = new Set(
    report.filter((line) => line.outcome === 'refused').map(({ line }) => line),
  );
  const stored = await service.database.query<{ email: string }>(
    "select email from users where email like '%.example' and email not like '%@example%'",
  );
  const storedEmails = new Set(stored.map(({ email }) => email));
  const imported = people.filter((_, index) => !refused.has(index + 1));
  expect(imported.length).toBeGreaterThan(20);
  const expected = imported.map(({ email }) => String(email).toLowerCase());
  expect(new Set(expected).size).toBe(expected.length);
  expect(storedEmails).toEqual(new Set(expected));
  for (const line of report) expect(line.reason).toMatch(/\S/);
});

test('the people of a dump of Django log in with their password twice', async () => {
  const file = fileURLToPath(new URL('../../fixtures/django-dumpdata.json', import.meta.url));
  const password = 'Harbour-Violin-62';
  await importFile(file, ['--allow-weak-hashes']);
  const people = await service.database.query<{ email: string; hash: string }>(
    `select u.email, h.password_hash as hash from users u join password_hashes h on h.user_id = u.id
     where u.external_id is not null and u.status = 'ACTIVE' and u.email not like '%.example'
       and u.email in (select email from users)`,
  );
  const logIn = (email: string) => service.rest('POST', '/login/', { json: { email, password } });
  let count = 0;
  for (const { email } of people) {
    const first = await logIn(email);
    if (first.status !== 200) continue;
    count += 1;
    const [row] = await service.database.query<{ hash: string }>(
      `select h.password_hash as hash from password_hashes h join users u on u.id = h.user_id
       where u.email = $1`,
      [email],
    );
    expect(row?.hash).toMatch(/^\$argon2id\$/);
    expect((await logIn(email)).status).toBe(200);
  }
  expect(count).toBe(people.length);
  expect(count).toBeGreaterThan(3);
});
