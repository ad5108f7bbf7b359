/** Requirements of a database, which are checked at the start, and settings that the service overrides. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { databaseAt } from '../support/database-at.ts';
import { somebody } from '../support/people.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { testSecretKey } from '../support/secret-key.ts';
import { startService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const urlOf = (database: string) =>
  Object.assign(new URL(postgres.url), { pathname: `/${database}` }).href;
const databases = async () =>
  (await postgres.query<{ datname: string }>('select datname from pg_database')).map(
    ({ datname }) => datname,
  );

test.each(['SQL_ASCII', 'LATIN1'])('a database in %s is rejected', async (encoding) => {
  const name = `in_${encoding.toLowerCase()}`;
  await postgres.query(
    `create database ${name} encoding '${encoding}' template template0 locale_provider libc locale 'C'`,
  );
  await expect(startService({ database: databaseAt(urlOf(name)) })).rejects.toThrow(
    `DATABASE_URL leads to a database in ${encoding}; it must be in UTF8`,
  );
});

test('a wrong database name creates nothing, and the error has the command to create it', async () => {
  const environment = { DATABASE_URL: urlOf('gatehuose') };
  for (const command of [['migrate'], ['users', 'list']]) {
    const { code, stderr } = await runCommand(command, { environment });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /names the database gatehuose, which does not exist; .* npx gatehouse migrate --create-database/,
    );
  }
  await expect(startService({ database: databaseAt(urlOf('gatehuose')) })).rejects.toThrow(
    /which does not exist/,
  );
  expect(await databases()).not.toContain('gatehuose');
});

test('migrate --create-database creates it once, in UTF-8', async () => {
  const environment = { DATABASE_URL: urlOf('asked for'), SECRET_KEY: testSecretKey };
  const migrate = (...options: string[]) => runCommand(['migrate', ...options], { environment });
  const first = await migrate('--create-database');
  expect([first.code, first.stdout]).toEqual([
    0,
    expect.stringMatching(/^Created the database\. Applied: /),
  ]);
  const second = await migrate('--create-database', '--json');
  expect(JSON.parse(second.stdout)).toEqual({ isCreated: false, migrated: [] });
  expect(await databases()).toContain('asked for');
  const without = await runCommand(['migrate', '--create-database'], { environment: {} });
  expect([without.code, without.stderr]).toEqual([
    2,
    expect.stringMatching(/DATABASE_URL must be set/),
  ]);
});

test('defaults of the role do not change the behaviour of the service', async () => {
  const defaults = {
    datestyle: 'German, DMY',
    intervalstyle: 'sql_standard',
    timezone: 'Asia/Kolkata',
    standard_conforming_strings: 'off',
    default_transaction_isolation: 'serializable',
    client_encoding: 'LATIN1',
  };
  await postgres.query("create role other login superuser password 'x'");
  for (const [name, value] of Object.entries(defaults))
    await postgres.query(`alter role other set ${name} = '${value}'`);
  await postgres.query('create database other owner other');
  const url = Object.assign(new URL(urlOf('other')), { username: 'other', password: 'x' }).href;
  await using service = await startService({ database: databaseAt(url) });
  const { accessToken } = await somebody(service, { firstName: 'Ωμέγα' });
  const answer = await service.graphql(
    '{ me { firstName createdAt sessions { createdAt } } }',
    {},
    accessToken,
  );
  expect(answer.data).toMatchObject({
    me: { firstName: 'Ωμέγα', createdAt: expect.stringMatching(/^20\d\d-.*Z$/) },
  });
  const age = Date.now() - Date.parse((answer.data as { me: { createdAt: string } }).me.createdAt);
  expect(Math.abs(age)).toBeLessThan(60_000);
  expect(await isIn(service, accessToken)).toBe(true);
  const settings = await service.app.unitOfWork.query<{ name: string; value: string }>(
    `select name, setting as value from pg_settings where name = any (?::text[])`,
    [
      `{${Object.keys(defaults)
        .map((name) => name.toLowerCase())
        .join(',')},TimeZone,DateStyle,IntervalStyle}`,
    ],
  );
  expect(
    Object.fromEntries(settings.map(({ name, value }) => [name.toLowerCase(), value])),
  ).toEqual({
    datestyle: 'ISO, MDY',
    intervalstyle: 'postgres',
    timezone: 'UTC',
    standard_conforming_strings: 'on',
    default_transaction_isolation: 'read committed',
    client_encoding: 'UTF8',
  });
});

test('a service connects to a database over a Unix socket', async () => {
  const { port, username, password } = new URL(postgres.url);
  const directory = makeScratchDirectory('socket');
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: Number(port) });
    near.pipe(far).on('error', () => near.destroy());
    far.pipe(near).on('error', () => far.destroy());
  });
  server.listen(join(directory, '.s.PGSQL.6000'));
  await once(server, 'listening');
  await postgres.query('create database over_socket');
  const url = `postgresql://${username}:${password}@/over_socket?host=${directory}&port=6000`;
  const service = await startService({ database: databaseAt(url) });
  const { accessToken } = await somebody(service);
  expect(await isIn(service, accessToken)).toBe(true);
  await service.close();
  server.close();
});

test('the application name of the URL is shown by PostgreSQL', async () => {
  await postgres.query('create database named');
  await using service = await startService({
    database: databaseAt(`${urlOf('named')}?application_name=sso`),
  });
  await somebody(service);
  const rows = await postgres.query<{ name: string }>(
    `select distinct application_name as name from pg_stat_activity where datname = 'named'`,
  );
  expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['sso-main', 'sso-jobs']));
  expect(rows.filter(({ name }) => !name.startsWith('sso-'))).toEqual([]);
});
