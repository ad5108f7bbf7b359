/** A schema other than `public`: every start and every connection finds all objects in it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseAt } from '../support/database-at.ts';
import { createIdleUser } from '../support/idle-user.ts';
import { tryLogin } from '../support/people.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { startService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.query('create role tenant login superuser');
});
afterAll(() => postgres[Symbol.asyncDispose]());

let number = 0;
/** A database with tables of the same names from another product, and pg_trgm in a separate schema. */
async function sharedDatabase(parameters: string) {
  number += 1;
  const name = `shared${number}`;
  await postgres.query(`create database ${name}`);
  const url = Object.assign(new URL(postgres.url), { pathname: `/${name}` });
  const { query } = databaseAt(url.href);
  await query(`
    create schema extensions;
    create extension pg_trgm schema extensions;
    create table public.users (name text);
    create table public.mikro_orm_migrations (name text);
    insert into public.mikro_orm_migrations values ('20261124000001-initial')`);
  return { service: databaseAt(`${url.href}?${parameters}`), query };
}

test.each(['schema=auth', 'schema=With%20Space%22', 'options=-c search_path=auth,public'])(
  'with %s a service starts repeatedly, and logins succeed',
  async (parameters) => {
    const database = await sharedDatabase(parameters);
    const addresses: string[] = [];
    for (const _ of ['first start', 'second start']) {
      await using service = await startService({ database: database.service });
      const { email, accessToken } = await createIdleUser(service);
      addresses.push(email);
      expect(await isIn(service, accessToken)).toBe(true);
      for (const address of addresses) {
        const login = await tryLogin(service, address);
        expect(login.__typename).toBe('TokenPair');
      }
    }
    const elsewhere = await database.query(
      `select relname from pg_class join pg_namespace n on n.oid = relnamespace
       where nspname = 'public' and relkind = 'r' order by relname`,
    );
    expect(elsewhere).toEqual([{ relname: 'mikro_orm_migrations' }, { relname: 'users' }]);
  },
);

test('a change with another search_path is announced, too', async () => {
  const database = await sharedDatabase('schema=auth');
  await using service = await startService({ database: database.service });
  const { accessToken } = await createIdleUser(service);
  expect(await isIn(service, accessToken)).toBe(true);
  await database.query("update auth.users set status = 'DISABLED'");
  await until(async () => !(await isIn(service, accessToken)));
  await database.query(
    "insert into auth.permissions (id, codename, name) values (gen_random_uuid(), 'a.b', 'c')",
  );
});

test('trigger functions do not depend on the search_path of the connection that changes a row', async () => {
  const database = await sharedDatabase('schema=auth');
  await (await startService({ database: database.service })).close();
  const dependent = await database.query(
    `select proname from pg_proc join pg_namespace n on n.oid = pronamespace
     where nspname = 'auth' and (prorettype = 'trigger'::regtype or proname = 'announce')
       and not coalesce(array_to_string(proconfig, ' ') like '%search_path=%', false)`,
  );
  expect(dependent).toEqual([]);
});

test('a search_path without an existing schema is rejected', async () => {
  const database = await sharedDatabase('');
  await database.query(`alter role tenant set search_path = 'nowhere'`);
  const url = database.service.url.replace(/\/\/[^@]*@/, '//tenant:x@');
  await postgres.query("alter role tenant password 'x'");
  await expect(startService({ database: databaseAt(url) })).rejects.toThrow(
    /no schema of the search_path exists; name one with \?schema=/,
  );
});
