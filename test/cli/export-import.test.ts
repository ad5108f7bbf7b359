/** People who are exported move into a fresh Gatehouse: nothing of the file is lost, and the same passwords work. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { environmentOf, type Variables } from '../support/command.ts';
import { databaseLine, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword, insertAccount } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';

// Foreign hashes have their real cost.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const dump = fileURLToPath(new URL('../fixtures/django-dumpdata.json', import.meta.url));
/** The password of everybody in the dump. */
const djangoPassword = 'Harbour-Violin-62';

const rateLimits = { RATE_LIMITS: 'off' };
let source: TestService;
let directory: string;
/** The addresses that can log in, with their passwords. */
let passwords: ReadonlyMap<string, string>;

/** Runs a command that has to succeed. */
async function run(environment: Variables, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, { environment });
  const quiet = args[0] === 'import' ? expect.stringMatching(databaseLine) : '';
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: quiet });
  return stdout;
}

/** A busy machine sheds logins with foreign hashes, so an OVERLOADED login is repeated. */
async function isLogin(at: TestService, email: string, password: string): Promise<boolean> {
  for (;;) {
    const { status } = await at.rest('POST', '/login/', { json: { email, password } });
    if (status === 200 || status === 401) return status === 200;
    expect(status).toBe(503);
    await sleep(500);
  }
}

beforeAll(async () => {
  directory = makeScratchDirectory('export-import');
  source = await startService({ environment: rateLimits, hasCostlyHashes: true });
  // The dump has people whom the import refuses.
  const weak = ['--allow-weak-hashes', '--emails-verified'];
  const args = ['import', 'users', dump, '--format', 'django', ...weak];
  await runCommand(args, { environment: environmentOf(source.database) });
  await addOwnPeople();
  passwords = await usablePasswords();
});
afterAll(async () => {
  await source.close();
  await rm(directory, { recursive: true, force: true });
});

/** People with everything that an account can have. */
async function addOwnPeople(): Promise<void> {
  const { query } = source.database;
  for (const name of ['ada', 'root', 'closed', 'pending', 'plain']) {
    await insertAccount(source, {
      email: `${name}@own.example.com`,
      username: `own.${name}`,
      password: goodPassword,
      firstName: `=${name}`,
      lastName: "O'Neill, José",
    });
  }
  await query("update users set status = 'DISABLED' where email = 'closed@own.example.com'");
  await query(
    `update users set status = 'PENDING', email_verified_at = null where email = 'pending@own.example.com'`,
  );
  await query(
    "update users set is_superuser = true, is_staff = true where email = 'root@own.example.com'",
  );
  await query(
    "delete from password_hashes where user_id = (select id from users where email = 'plain@own.example.com')",
  );
  await query(
    `update users set external_id = $1, metadata = $2, locale = 'es-MX', is_staff = true, username = null,
       created_at = '2019-01-02T03:04:05.678Z', last_login_at = '2021-01-02T03:04:05.678Z',
       email_verified_at = '2020-01-02T03:04:05.678Z'
     where email = 'ada@own.example.com'`,
    ['-ext;7', { plan: 'gold', list: [1, null, { text: 'línea\nnueva, "quoted"' }], '': true }],
  );
  await query(
    `insert into permissions (id, codename, name) values
       (gen_random_uuid(), 'shop.*', 'All of the shop'), (gen_random_uuid(), 'shop.sell', 'Sell')
     on conflict do nothing`,
  );
  await query(
    `with g as (
       insert into groups (id, name, description) values
         (gen_random_uuid(), 'Own editors', 'Write'), (gen_random_uuid(), 'Own guests', '')
       returning id, name
     ), gp as (
       insert into group_permissions select g.id, p.id from g, permissions p
       where g.name = 'Own editors' and p.codename in ('shop.sell', 'users.view_user')
     )
     insert into user_groups (user_id, group_id, expires_at)
     select u.id, g.id, case when g.name = 'Own guests' then timestamptz '2099-05-06T07:08:09.123Z' end
     from g, users u where u.email = 'ada@own.example.com'`,
  );
  await query(
    `insert into user_permissions select u.id, p.id from users u, permissions p
     where u.email = 'ada@own.example.com' and p.codename in ('shop.*', 'users.view_group')`,
  );
}

/** No login takes place in the source, because it would replace a foreign hash. */
async function usablePasswords(): Promise<ReadonlyMap<string, string>> {
  const rows = await source.database.query<{ email: string }>(
    `select email from users u join password_hashes h on h.user_id = u.id
     where status = 'ACTIVE' order by email`,
  );
  return new Map(
    rows.map(({ email }) => [
      email,
      email.endsWith('@own.example.com') ? goodPassword : djangoPassword,
    ]),
  );
}

async function hashOf({ query }: Pick<TestDatabase, 'query'>, email: string): Promise<string> {
  const [row] = await query<{ hash: string }>(
    `select password_hash as hash from password_hashes h join users u on u.id = h.user_id
     where u.email = $1`,
    [email],
  );
  return row?.hash ?? '';
}

/** The lines of an export without the ids, in the order of addresses. */
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { id: _id, ...person } = JSON.parse(line);
      return person;
    })
    .sort((one, other) => one.email.localeCompare(other.email));

test.each(['jsonl', 'csv'])('as %s into a fresh database', async (format) => {
  const from = environmentOf(source.database);
  const [access, people] = [join(directory, `${format}.yaml`), join(directory, `people.${format}`)];
  await run(from, 'export', 'access', '--output', access);
  const hashes = '--with-password-hashes';
  await run(from, 'export', 'users', '--format', format, hashes, '--output', people);

  const database = await createTestDatabase();
  const to = environmentOf(database);
  await run(to, 'apply', '-f', access);
  const report = join(directory, `${format}.report`);
  const imported = await runCommand(
    ['import', 'users', people, '--format', format, '--report', report],
    { environment: to },
  );
  expect(await readFile(report, 'utf8')).toBe('');
  expect(imported).toMatchObject({ code: 0, stderr: expect.stringMatching(databaseLine) });

  const before = linesOf(await run(from, 'export', 'users', hashes));
  expect(before.length).toBeGreaterThan(12);
  expect(linesOf(await run(to, 'export', 'users', hashes))).toEqual(before);
  expect(await run(to, 'export', 'access')).toBe(await run(from, 'export', 'access'));
  const [root] = await database.query<{ name: string }>(
    `select g.name from user_groups ug join groups g on g.id = ug.group_id
     join users u on u.id = ug.user_id where u.email = 'root@own.example.com'`,
  );
  expect(root?.name).toBe('Root');
  expect(await run(to, 'audit', 'verify')).toContain('all unchanged');

  await database.drop();
});

test('everybody logs in with the same password after the move', async () => {
  const from = environmentOf(source.database);
  const [access, people] = [join(directory, 'all.yaml'), join(directory, 'all.jsonl')];
  await run(from, 'export', 'access', '--output', access);
  await run(from, 'export', 'users', '--with-password-hashes', '--output', people);
  const database = await createTestDatabase();
  await run(environmentOf(database), 'apply', '-f', access);
  await run(environmentOf(database), 'import', 'users', people);

  const fresh = await startService({ database, environment: rateLimits });
  // One person of each kind of hash: the import into a database is the same for all.
  const kinds = new Map<string, string>();
  for (const email of passwords.keys())
    kinds.set((await hashOf(database, email)).split('$')[0] || 'phc', email);
  expect(kinds.size).toBeGreaterThan(2);
  // A rejection takes as long as the most expensive hash.
  expect(await isLogin(fresh, 'bcrypt@example.net', 'not the password')).toBe(false);
  for (const email of kinds.values()) {
    expect([email, await isLogin(fresh, email, passwords.get(email) ?? '')]).toEqual([email, true]);
    expect(await hashOf(database, email)).toMatch(/^\$argon2id\$/);
  }
  expect(await isLogin(fresh, 'bcrypt@example.net', djangoPassword)).toBe(true);
  for (const name of ['closed', 'pending', 'plain']) {
    expect(await isLogin(fresh, `${name}@own.example.com`, goodPassword)).toBe(false);
  }
  await fresh.close();
  await database.drop();
});

test('an export without hashes gives accounts without a password', async () => {
  const people = join(directory, 'without-hashes.jsonl');
  await run(environmentOf(source.database), 'export', 'users', '--output', people);
  const database = await createTestDatabase();
  await run(environmentOf(database), 'import', 'users', people);
  expect(await database.query('select from password_hashes')).toEqual([]);
  await database.drop();
});
