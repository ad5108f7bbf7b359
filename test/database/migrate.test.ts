/** Bringing the database to the present schema. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { entities } from '../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openOrm, ormOptions } from '../../src/database/orm.ts';
import { createUnitOfWork } from '../../src/database/transaction.ts';

const name = `empty_${randomBytes(4).toString('hex')}`;
const database = parseDatabaseUrl(
  Object.assign(new URL(inject('templateUrl')), { pathname: `/${name}` }).href,
);
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

/** What services write with SQL of their own, and no entity knows. */
const withoutEntity =
  /audit_(chains|entries|subject_keys)|rate_limit_buckets|retired_group_names|drop column "(search_text|expires_at)"/;

test('the tables are what the entities say', async () => {
  await migrateOnce();
  const orm = await openOrm(ormOptions({ database }, { entities }));
  const difference = await orm.schema.getUpdateSchemaSQL({ wrap: false });
  await orm.close();
  const unexpected = difference
    .split('\n')
    .filter((line) => /column|(create|drop) table/.test(line) && !withoutEntity.test(line));
  expect(unexpected).toEqual([]);
});
