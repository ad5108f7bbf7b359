/** The number of statements of frequent requests, and the failure of each statement of a transaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { entities } from '../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { type Orm, openOrm, ormOptions } from '../../src/database/orm.ts';
import { createUnitOfWork, type UnitOfWork } from '../../src/database/transaction.ts';
import { makeGroup, makeUser } from '../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../support/database-wire.ts';
import { createIdleUser } from '../support/idle-user.ts';
import { newAddress, sendRegistration, tryLogin } from '../support/people.ts';
import { startService } from '../support/service.ts';
import { refresh } from '../support/session-calls.ts';

const note = 'insert into notes (text) values (?)';

let database: TestDatabase;
let wire: DatabaseWire;
let orm: Orm;
let uow: UnitOfWork;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.query('create table notes (text text not null unique)');
  wire = await openDatabaseWire(database.url);
  orm = await openOrm(ormOptions({ database: parseDatabaseUrl(wire.url) }, { entities }));
  uow = createUnitOfWork(orm);
});
afterAll(async () => {
  await orm.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

const run = <Result>(work: () => Promise<Result>) =>
  uow.withEntityManager(() => uow.transaction(work));
const notes = async () => {
  const rows = await database.query<{ text: string }>('select text from notes order by text');
  return rows.map(({ text }) => text);
};
const sentSince = (before: number) => wire.statements.slice(before);

test('the statements of a transaction are sent one by one, also from concurrent queries', async () => {
  const { reached, release } = wire.holdAnswerTo(/'first'/);
  const before = wire.statements.length;
  const running = run(() =>
    Promise.all([uow.query("select 'first' as a"), uow.query("select 'second' as a")]),
  );
  await reached;
  await sleep(50);
  expect(sentSince(before)).toEqual(["select 'first' as a"]);
  release();
  expect(await running).toEqual([[{ a: 'first' }], [{ a: 'second' }]]);
});

test('a failure is reported by its own statement, and the transaction is rolled back', async () => {
  const failing = run(async () => {
    await uow.query(note, ['lost']);
    await expect(uow.query(note, [null])).rejects.toMatchObject({ code: '23502' });
    await uow.query(note, ['lost too']);
  });
  await expect(failing).rejects.toMatchObject({ code: '25P02' });
  const failingTogether = run(() =>
    Promise.all([
      uow.query(note, ['gone']),
      uow.query(note, [null]),
      uow.query(note, ['gone as well']),
    ]),
  );
  await expect(failingTogether).rejects.toMatchObject({ code: '23502' });
  await expect(run(() => uow.query(note, ['after it']))).resolves.toEqual([]);
  expect(await notes()).toEqual(['after it']);
});

test('a rollback to a savepoint undoes only the changes after it', async () => {
  await run(async () => {
    await uow.query(note, ['outer']);
    const inner = uow.em.transactional(async (em) => {
      await em.execute(note, ['inner']);
      throw new Error('inner');
    });
    await expect(inner).rejects.toThrow('inner');
  });
  expect(await notes()).toContain('outer');
  expect(await notes()).not.toContain('inner');
});

test.each([
  ['committed', () => undefined],
  [
    'rolled back',
    () => {
      throw new Error('rolled back');
    },
  ],
])('a statement after its transaction was %s is rejected and not executed', async (_, end) => {
  const { promise: hasEnded, resolve } = Promise.withResolvers<void>();
  let late: Promise<unknown> | undefined;
  const running = run(async () => {
    await uow.query('select 1');
    late = hasEnded.then(() => uow.query(note, ['too late']));
    end();
  });
  await running.catch(() => undefined);
  resolve();
  await expect(late).rejects.toThrow(/^Transaction is already (committed|rolled back)/);
  expect(await notes()).not.toContain('too late');
});

test('a login reads with one statement and writes with one', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { email } = await createIdleUser(service);
  const before = wire.statements.length;
  await tryLogin(service, email);
  expect(sentSince(before)).toEqual([
    expect.stringMatching(/password_hashes/),
    expect.stringMatching(/consume_rate_limits/),
    expect.stringMatching(/rate_limit_buckets/),
    expect.stringMatching(/from log_in/),
  ]);
});

test('a denied login writes with one statement, for a known and for an unknown address', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { email } = await createIdleUser(service);
  await tryLogin(service, newAddress()); // creates the key of unknown names
  const denied = [
    expect.stringMatching(/password_hashes/),
    expect.stringMatching(/consume_rate_limits/),
    expect.stringMatching(/append_audit_entries/),
  ];
  for (const name of [email, newAddress()]) {
    const before = wire.statements.length;
    await tryLogin(service, name, 'a wrong password');
    expect(sentSince(before)).toEqual(denied);
  }
});

test('a refresh of tokens is one statement', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { refreshToken } = await createIdleUser(service);
  const before = wire.statements.length;
  await refresh(service, refreshToken);
  expect(sentSince(before)).toEqual([
    expect.stringMatching(/update sessions s set refresh_counter/),
  ]);
});

test('entities are found with one statement, and loaded with one for each type', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const admin = await createIdleUser(service);
  await service.database.query('update users set is_superuser = true where id = $1', [
    admin.userId,
  ]);
  const ids = await Promise.all(Array.from({ length: 20 }, () => makeUser(service)));
  const representations = [
    ...ids.map((id) => ({ __typename: 'User', id })),
    { __typename: 'Group', id: await makeGroup(service) },
  ];
  const document = `query ($representations: [_Any!]!) {
    _entities(representations: $representations) { ... on User { id } ... on Group { id } } }`;
  await service.graphql('{ me { id } }', {}, admin.accessToken); // caches the principal
  const before = wire.statements.length;
  const { data } = await service.graphql(document, { representations }, admin.accessToken);
  expect(data._entities.map(({ id }: { id: string }) => id)).toEqual(
    representations.map(({ id }) => id),
  );
  expect(sentSince(before)).toEqual([
    expect.stringMatching(/from users t .*union all.* from groups t /s),
    expect.stringMatching(/from "users"/),
    expect.stringMatching(/from "groups"/),
  ]);
});

test('a caller without rights causes the same statements with unknown ids as with ids of other users', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { accessToken } = await createIdleUser(service);
  const other = await createIdleUser(service);
  const { data } = await service.graphql('{ me { sessions { id } } }', {}, other.accessToken);
  const unknown = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
  await service.graphql('{ me { id } }', {}, accessToken); // caches the principal
  for (const id of [unknown, other.userId, data.me.sessions[0].id, await makeGroup(service)]) {
    const before = wire.statements.length;
    await service.graphql('query ($id: ID!) { node(id: $id) { id } }', { id }, accessToken);
    expect(sentSince(before)).toEqual([expect.stringMatching(/from users t .* from sessions t /s)]);
  }
});

test('a registration writes with one statement, for a free address and for one of an account', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { email } = await createIdleUser(service);
  for (const address of [email, newAddress()]) {
    const before = wire.statements.length;
    await sendRegistration(service, { email: address });
    // The job of the registration may have begun.
    const writes = sentSince(before).filter((text) => /insert into|add_/.test(text));
    expect(writes).toEqual([expect.stringMatching(/add_registration.*graphile_worker\.add_job/s)]);
  }
});

test('a login does not invalidate the cached principals of its user, and their lastLoginAt is updated within a minute', async () => {
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { email, accessToken, userId } = await createIdleUser(service);
  const lastLogin = async () => {
    const { data } = await service.graphql('{ me { lastLoginAt } }', {}, accessToken);
    return data.me.lastLoginAt;
  };
  const before = await lastLogin();
  await tryLogin(service, email);
  await service.app.changeFeed.waitUntilDelivered();
  const sent = wire.statements.length;
  expect(await lastLogin()).toBe(before);
  expect(sentSince(sent)).toEqual([]);
  service.advance(61);
  expect(Date.parse(await lastLogin())).toBeGreaterThan(Date.parse(before));
  await service.database.query("update users set locale = 'es' where id = $1", [userId]);
  const { data } = await service.graphql('{ me { locale } }', {}, accessToken);
  expect(data.me.locale).toBe('es');
});
