/** Only `migrate` and `serve` apply migrations, and commands that read write nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobQueueRevision } from '../../src/database/inspect.ts';
import { environmentOf, spawnCommand, startServer, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const email = 'root@example.com';
const create = ['createsuperuser', '--noinput', '--password-stdin', '--email'];

/** Every command that only reads. */
const reading = [
  'users list',
  `users show ${email}`,
  `users explain ${email} users.view_user`,
  'groups list',
  'groups show Root',
  'permissions list',
  `sessions list ${email}`,
  'registrations list',
  'keys list',
  'audit verify',
  'audit checkpoint',
  'audit tail',
  'mail list',
  'rate-limits show',
  'apply --dry-run -f -',
];

const databases: TestDatabase[] = [];
const newDatabase = async () => {
  const database = await createTestDatabase();
  databases.push(database);
  return { database, environment: environmentOf(database) };
};
afterAll(async () => {
  for (const database of databases) await database.drop();
});

describe('a schema of another release', () => {
  let older: Variables;
  let newer: Variables;
  let migrations: string[];
  beforeAll(async () => {
    const [one, other] = await Promise.all([newDatabase(), newDatabase()]);
    const rows = await one.database.query<{ name: string }>(
      'delete from mikro_orm_migrations where id > 2 returning name',
    );
    migrations = rows.map(({ name }) => name);
    await other.database.query(
      "insert into mikro_orm_migrations (name) values ('20991231000001-future')",
    );
    [older, newer] = [one.environment, other.environment];
  });

  test.each([...reading, 'permissions create shop.x --name X', 'keys rotate'])(
    '%s says which migrations are missing, and changes nothing',
    async (command) => {
      const result = await runCommand(command.split(' '), { environment: older });
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(migrations.length).toBeGreaterThan(0);
      for (const name of migrations) expect(result.stderr).toContain(name);
      expect(result.stderr).toContain('npx gatehouse migrate');
      const [row] = await (databases[0] as TestDatabase).query<{ done: number }>(
        'select count(*)::int as done from mikro_orm_migrations',
      );
      expect(row?.done).toBe(2);
    },
  );

  test.each(['users list', 'permissions create shop.x --name X'])(
    '%s says that a newer release has migrated the database',
    async (command) => {
      const result = await runCommand(command.split(' '), { environment: newer });
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(/newer release .*20991231000001-future/);
    },
  );

  test('an empty database is reported as empty', async () => {
    const { database, environment } = await newDatabase();
    await database.query('drop schema public cascade');
    await database.query('drop schema graphile_worker cascade');
    await database.query('create schema public');
    const result = await runCommand(['users', 'list'], { environment });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/empty.*\n.*npx gatehouse migrate/);
    expect(await database.query("select 1 from pg_tables where schemaname = 'public'")).toEqual([]);
  });

  test('a job queue that is older than its library counts as a missing migration', async () => {
    const { database, environment } = await newDatabase();
    await database.query('delete from graphile_worker.migrations where id = $1', [
      jobQueueRevision,
    ]);
    const result = await runCommand(['users', 'list'], { environment });
    expect(result.stderr).toContain(`job queue ${jobQueueRevision}`);
    const files = readdirSync('node_modules/graphile-worker/sql').sort();
    expect(Number.parseInt(files.at(-1) ?? '', 10)).toBe(jobQueueRevision);
  });
});

describe('reading', () => {
  test('works on a read-only database, creates no key and runs no job', async () => {
    const { database, environment } = await newDatabase();
    const created = await runCommand([...create, email], { environment, input: goodPassword });
    expect(created).toMatchObject({ code: 0 });
    await database.query(`select graphile_worker.add_job('purge-sessions', max_attempts => 3)`);
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`alter database ${name} set default_transaction_read_only = on`);
    for (const command of reading) {
      const result = await runCommand(command.split(' '), { environment, input: 'groups: {}' });
      expect({ command, ...result }).toMatchObject({ command, code: 0, stderr: '' });
    }
    const [row] = await database.query<{ keys: number; jobs: number }>(
      `select (select count(*)::int from signing_keys) as keys,
         (select count(*)::int from graphile_worker.jobs) as jobs`,
    );
    expect(row).toEqual({ keys: 0, jobs: 1 });
  });

  test('a database without users in a directory without a key is refused, and neither directory nor key is created', async () => {
    const { environment: given } = await newDatabase();
    const { SECRET_KEY: _, ...environment } = given;
    const directory = makeScratchDirectory('cli');
    const listed = await runCommand(['users', 'list'], { environment, directory });
    // The migrations have signed the audit chains, so the database has a key already.
    expect(listed).toMatchObject({ code: 1, stdout: '' });
    expect(listed.stderr).toMatch(/SECRET_KEY is not set/);
    expect(existsSync(join(directory, '.gatehouse'))).toBe(false);
    await rm(directory, { recursive: true });
  });

  test('without the key of a database in use, every command names the missing key', async () => {
    const { environment: given } = await newDatabase();
    const { SECRET_KEY: _, ...environment } = given;
    const [root, directory] = [newAddress(), makeScratchDirectory('cli')];
    await runCommand([...create, root], { environment: given, input: goodPassword });
    for (const command of ['users list', 'audit verify', 'keys rotate']) {
      const result = await runCommand(command.split(' '), { environment, directory });
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(/SECRET_KEY is not set/);
    }
    expect(existsSync(join(directory, '.gatehouse'))).toBe(false);
    await rm(directory, { recursive: true });
  });
});

describe('a directory without data', () => {
  test.each([
    ...reading,
    'migrate',
    'keys rotate',
    `createsuperuser --noinput --password-stdin --email ${email}`,
  ])('%s creates no database, and names the command that does', async (command) => {
    const directory = makeScratchDirectory('cli');
    const result = await runCommand(command.split(' '), {
      environment: {},
      directory,
      input: command.startsWith('apply') ? 'groups: {}' : goodPassword,
    });
    const names = readdirSync(directory);
    await rm(directory, { recursive: true });
    expect({ ...result, names }).toMatchObject({ code: 1, stdout: '', names: [] });
    expect(result.stderr).toContain(join(directory, '.gatehouse'));
    expect(result.stderr).toMatch(/npx gatehouse serve/);
  });

  test('serve creates one and prints the directory; commands use it without a server', async () => {
    const directory = makeScratchDirectory('cli');
    const options = { environment: {}, directory };
    const server = await startServer(options);
    const ended = await server.end('SIGTERM');
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toContain(`database in ${join(directory, '.gatehouse')}`);
    const created = await spawnCommand([...create, email], { ...options, input: goodPassword });
    expect(created).toMatchObject({ code: 0, stderr: '' });
    await rm(directory, { recursive: true });
  });
});
