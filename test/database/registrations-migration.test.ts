/** The migration that moves registrations to a separate table, on a database with every kind of row. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { entities } from '../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { createOneTimeSecrets, digestOf } from '../../src/crypto/one-time-secret.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openOrm, ormOptions } from '../../src/database/orm.ts';
import { createUnitOfWork } from '../../src/database/transaction.ts';

const name = `before_${randomBytes(4).toString('hex')}`;
const databaseUrl = Object.assign(new URL(inject('templateUrl')), { pathname: `/${name}` }).href;
const admin = new Client({
  connectionString: Object.assign(new URL(inject('templateUrl')), { pathname: '/postgres' }).href,
});
const connection = parseDatabaseUrl(databaseUrl);
const database = new Client({ connectionString: databaseUrl });
const secrets = createOneTimeSecrets('a secret key for this test alone, long enough');

beforeAll(async () => {
  await admin.connect();
  await admin.query(`create database ${name}`);
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await admin.query(`drop database ${name} with (force)`);
  await admin.end();
});

async function migrateTo(last?: string): Promise<void> {
  const orm = await openOrm(ormOptions({ database: connection }, { entities }));
  try {
    if (last === undefined)
      await migrate(orm, createUnitOfWork(orm), connection, async () => undefined);
    else await orm.migrator.up({ to: last });
  } finally {
    await orm.close();
  }
}

async function one<Row extends object>(sql: string, parameters: unknown[]): Promise<Row> {
  const { rows } = await database.query<Row>(sql, parameters);
  const [row] = rows;
  if (!row) throw new Error(`nothing from ${sql}`);
  return row;
}

interface UserRow {
  readonly status?: string;
  readonly firstName?: string;
  readonly username?: string | null;
  readonly isStaff?: boolean;
}

async function addUser(email: string, row: UserRow = {}): Promise<string> {
  const { status = 'PENDING', firstName = '', username = null, isStaff = false } = row;
  const { id } = await one<{ id: string }>(
    `insert into users (id, email, username, first_name, status, is_staff, locale, created_at, updated_at)
     values (gen_random_uuid(), $1, $2, $3, $4, $5, 'es', now(), now()) returning id`,
    [email, username, firstName, status, isStaff],
  );
  return id;
}

interface CodeRow {
  readonly kind?: string;
  readonly registeredAs?: string;
  readonly endedAt?: string;
  readonly expiresIn?: string;
}

/** Returns the id of the code. */
async function addCode(userId: string, row: CodeRow = {}): Promise<string> {
  const { kind = 'verify-email', registeredAs, endedAt = null, expiresIn = '1 day' } = row;
  const { id } = await one<{ id: string }>('select gen_random_uuid() as id', []);
  const registration = registeredAs && {
    passwordHash: `hash of ${registeredAs}`,
    firstName: registeredAs,
    lastName: 'L',
    username: registeredAs.toLowerCase(),
  };
  await database.query(
    `insert into one_time_passwords (id, user_id, kind, digest, email, registration, created_at, expires_at, ended_at)
     select $1, u.id, $2, $3, u.email, $4, now(), now() + $5::interval, $6 from users u where u.id = $7`,
    [id, kind, digestOf(secrets.derive(id)), registration, expiresIn, endedAt, userId],
  );
  return id;
}

const emailsIn = async (table: string) =>
  (await database.query<{ email: string }>(`select email from ${table} order by email`)).rows.map(
    ({ email }) => email,
  );

test('pending registrations move to the table with the same codes, and no account is lost', async () => {
  await migrateTo('20261124000008-steady-speed');

  const registered = await addUser('registered@example.com');
  const live = await addCode(registered, { registeredAs: 'Ada' });
  const expired = await addCode(registered, { registeredAs: 'Eve', expiresIn: '-1 day' });
  await addCode(registered, { registeredAs: 'Old', endedAt: '2026-01-01' });

  const invited = await addUser('invited@example.com', { firstName: 'Grace' });
  await addCode(invited, { kind: 'invite' });
  const attackersCode = await addCode(invited, { registeredAs: 'Mallory' });
  // The invitation was purged; the name shows that an administrator created the account.
  const longInvited = await addUser('long-invited@example.com', { firstName: 'Hedy' });
  await addCode(longInvited, { registeredAs: 'Mallory' });

  const operators = await addUser('operators@example.com');
  await database.query("insert into password_hashes values ($1, 'a hash', now())", [operators]);
  const ownCode = await addCode(operators);
  const secondAttackersCode = await addCode(operators, { registeredAs: 'Mallory' });

  const grouped = await addUser('grouped@example.com');
  await addCode(grouped, { registeredAs: 'Joan' });
  await database.query('insert into user_groups select $1, id from groups limit 1', [grouped]);
  const staff = await addUser('staff@example.com', { isStaff: true });
  await addCode(staff, { registeredAs: 'Radia' });
  await addUser('active@example.com', { status: 'ACTIVE' });
  await addUser('disabled@example.com', { status: 'DISABLED' });

  await migrateTo();

  const { rows } = await database.query(
    `select id, email, password_hash, first_name, username, locale, code_id, digest, mailed_at is not null as is_mailed
     from registrations order by first_name`,
  );
  const expected = [
    [live, 'Ada'],
    [expired, 'Eve'],
  ] as const;
  expect(rows).toEqual(
    expected.map(([id, firstName]) => ({
      id,
      email: 'registered@example.com',
      password_hash: `hash of ${firstName}`,
      first_name: firstName,
      username: firstName.toLowerCase(),
      locale: 'es',
      code_id: id,
      digest: digestOf(secrets.derive(id)),
      is_mailed: true,
    })),
  );
  expect(await emailsIn('users')).toEqual([
    'active@example.com',
    'disabled@example.com',
    'grouped@example.com',
    'invited@example.com',
    'long-invited@example.com',
    'operators@example.com',
    'staff@example.com',
  ]);
  const endedOf = async (id: string) =>
    one('select ended_at is not null as is_ended from one_time_passwords where id = $1', [id]);
  for (const id of [ownCode, secondAttackersCode])
    expect(await endedOf(id)).toEqual({ is_ended: false });
  expect(await endedOf(attackersCode)).toEqual({ is_ended: true });
  const { rows: columns } = await database.query(
    `select column_name from information_schema.columns
     where table_name = 'one_time_passwords' and column_name in ('registration', 'is_resend')`,
  );
  expect(columns).toEqual([]);
});
