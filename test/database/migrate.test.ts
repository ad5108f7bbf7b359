/** Migration of the database to the current schema. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { entities } from '../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openOrm, ormOptions } from '../../src/database/orm.ts';
import { createUnitOfWork } from '../../src/database/transaction.ts';

const name = `empty_${randomBytes(4).toString('hex')}`;
const url = Object.assign(new URL(inject('templateUrl')), { pathname: `/${name}` }).href;
const database = parseDatabaseUrl(url);
const admin = new Client({
  connectionString: Object.assign(new URL(inject('templateUrl')), { pathname: '/postgres' }).href,
});

beforeAll(async () => {
  await admin.connect();
  await admin.query(`create database ${name}`);
});
afterAll(async () => {
  await admin.query(`drop database ${name} with (force)`);
  await admin.end();
});

async function migrateOnce() {
  const orm = await openOrm(ormOptions({ database }, { entities }));
  try {
    return await migrate(orm, createUnitOfWork(orm), database, async () => undefined);
  } finally {
    await orm.close();
  }
}

test('four replicas that start at once on an empty database migrate it once', async () => {
  const done = await Promise.all(Array.from({ length: 4 }, migrateOnce));
  expect(done.filter((names) => names.length > 0)).toHaveLength(1);
  expect(await migrateOnce()).toEqual([]);
});

/** Tables and columns that services read and write by SQL only: no entity maps them. */
const unmappedTables =
  /audit_(chains|entries|subject_keys)|rate_limit_buckets|retired_group_names|deleted_sessions|user_imports|(user|group|service_account)_(groups|permissions)/;
const unmappedColumns: Readonly<Record<string, readonly string[]>> = {
  users: ['search_text'],
  registrations: ['password_hash', 'username'],
  api_keys: ['digest'],
  sessions: ['refresh_counter', 'end_reason', 'network'],
};

/** Whether a statement only drops columns that no entity maps. */
function dropsUnmapped(line: string): boolean {
  const [, table = '', changes = ''] = /^alter table "(\w+)" (.*);$/.exec(line) ?? [];
  const columns = unmappedColumns[table] ?? [];
  return changes
    .split(', ')
    .every((change) => columns.some((column) => change === `drop column "${column}"`));
}

test('every entity fits its table', async () => {
  await migrateOnce();
  const orm = await openOrm(ormOptions({ database }, { entities }));
  const difference = await orm.schema.getUpdateSchemaSQL({ wrap: false });
  await orm.close();
  const unexpected = difference
    .split('\n')
    .filter((line) => /column|(create|drop) table/.test(line))
    .filter((line) => !unmappedTables.test(line) && !dropsUnmapped(line));
  expect(unexpected).toEqual([]);
});

test('the new kind of actor is added without a scan of the audit log under an exclusive lock', async () => {
  await migrateOnce();
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    `select convalidated, pg_get_constraintdef(oid) as definition from pg_constraint
     where conname = 'audit_entries_actor_check'`,
  );
  await client.end();
  expect(rows).toEqual([
    { convalidated: false, definition: expect.stringContaining("'service-account'") },
  ]);
});
