/**
 * The feed of changes: nothing is asked that is known, whatever changes is felt, and a feed that is
 * cut or frozen costs three seconds at most.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../support/database-wire.ts';
import { personAtRest } from '../support/idle-user.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { type ServiceOptions, startService, type TestService } from '../support/service.ts';
import { isIn, logOut, sessionIdOf } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

/** Milliseconds in which every change must be felt, whatever has become of the feed. */
const bound = 3000;

/** A service whose statements can be counted. */
interface WiredService extends AsyncDisposable {
  readonly service: TestService;
  readonly wire: DatabaseWire;
  /** Its `query` is psql: another connection, of which the service knows nothing. */
  readonly database: TestDatabase;
}

/** On a database of its own, or on one that is there. */
async function startWired(
  there?: TestDatabase,
  options: Omit<ServiceOptions, 'database'> = {},
): Promise<WiredService> {
  const database = there ?? (await createTestDatabase());
  const wire = await openDatabaseWire(database.url);
  const service = await startService({ database: { ...database, url: wire.url }, ...options });
  const close = async () => {
    await service.close();
    await wire[Symbol.asyncDispose]();
    if (!there) await database.drop();
  };
  return { service, wire, database, [Symbol.asyncDispose]: close };
}

let main: WiredService;
let database: TestDatabase;
beforeAll(async () => {
  main = await startWired();
  database = main.database;
});
afterAll(() => main[Symbol.asyncDispose]());

type Person = Awaited<ReturnType<typeof personAtRest>>;

interface View {
  readonly status: number;
  readonly firstName?: string;
  readonly isCrew?: boolean;
  readonly maySail?: boolean;
}

/** What the service takes a person for. */
async function viewOf({ accessToken }: Person, at: WiredService = main): Promise<View> {
  const { status, data } = await at.service.graphql(
    `{ me { firstName } isCrew: hasGroup(name: "Crew") maySail: hasPermission(permission: "ships.sail") }`,
    {},
    accessToken,
  );
  if (status === 401) return { status };
  return { status, firstName: data.me.firstName, isCrew: data.isCrew, maySail: data.maySail };
}

/** The statements that some work costs. */
async function costOf(work: () => Promise<unknown>, { wire }: WiredService = main) {
  const before = wire.statements.length;
  await work();
  return wire.statements.slice(before);
}

describe('who is known', () => {
  test('costs no statement: me, permissions, groups and the profile over REST', async () => {
    const ada = await personAtRest(main.service);
    await viewOf(ada);
    const cost = await costOf(async () => {
      for (let round = 0; round < 5; round += 1) {
        expect(await viewOf(ada)).toMatchObject({ status: 200, firstName: 'Ada' });
        for (const path of ['view/', 'has_permission/users.view_user', 'has_group/Crew']) {
          const { status } = await main.service.rest('GET', `/profile/${path}`, {
            token: ada.accessToken,
          });
          expect(status).toBe(200);
        }
      }
    });
    expect(cost).toEqual([]);
  });

  test('costs one statement at first, and none because of others who log in, refresh or end', async () => {
    const [ada, bob] = [await personAtRest(main.service), await personAtRest(main.service)];
    expect(await costOf(() => viewOf(ada))).toHaveLength(1);
    await personAtRest(main.service);
    await logOut(main.service, bob.accessToken);
    expect(await costOf(() => viewOf(ada))).toEqual([]);
  });

  test('is forgotten from the one asked for least recently, when there are more than fit', async () => {
    await using small = await startWired(database, {
      mail: main.service.mail,
      environment: { PRINCIPAL_CACHE_SIZE: '3' },
    });
    const people: Person[] = [];
    for (let number = 0; number < 10; number += 1) {
      people.push(await personAtRest(main.service, { firstName: `Person ${number}` }));
    }
    const expectAll = async (names: (number: number) => string) => {
      for (const [number, one] of people.entries()) {
        const cost = await costOf(
          async () => expect((await viewOf(one, small)).firstName).toBe(names(number)),
          small,
        );
        expect(cost).toHaveLength(1);
      }
    };
    await expectAll((number) => `Person ${number}`);
    await expectAll((number) => `Person ${number}`);
    for (const one of people.slice(-3)) {
      expect(await costOf(() => viewOf(one, small), small)).toEqual([]);
    }
    await database.query("update users set first_name = 'New ' || first_name where id = any($1)", [
      people.map(({ userId }) => userId),
    ]);
    await small.service.app.changeFeed.waitUntilDelivered();
    await expectAll((number) => `New Person ${number}`);
  });
});

const crew = randomUUID();
const sail = randomUUID();

interface Change {
  readonly before?: readonly string[];
  readonly sql: string;
  readonly from: Partial<View>;
  readonly to: Partial<View>;
}

const join = 'insert into user_groups select :user, :crew';
const grantToCrew = 'insert into group_permissions select :crew, :sail';
const grant = 'insert into user_permissions select :user, :sail';
const out = { status: 401 };

const kinds: Readonly<Record<string, Change>> = {
  'a name': {
    sql: "update users set first_name = 'Grace' where id = :user",
    from: { firstName: 'Ada' },
    to: { firstName: 'Grace' },
  },
  'a name among 150 that change at once': {
    before: [
      `insert into users (id, email, status, created_at, updated_at)
       select gen_random_uuid(), gen_random_uuid() || '@example.com', 'ACTIVE', now(), now()
       from generate_series(1, 150)`,
    ],
    sql: "update users set first_name = 'Grace'",
    from: { firstName: 'Ada' },
    to: { firstName: 'Grace' },
  },
  'a superuser': {
    sql: 'update users set is_superuser = true where id = :user',
    from: { maySail: false },
    to: { maySail: true },
  },
  'a disabled account': {
    sql: "update users set status = 'DISABLED' where id = :user",
    from: { status: 200 },
    to: out,
  },
  'a deleted account': {
    sql: 'delete from users where id = :user',
    from: { status: 200 },
    to: out,
  },
  'an ended session': {
    sql: 'update sessions set ended_at = now() where id = :session',
    from: { status: 200 },
    to: out,
  },
  'a deleted session': {
    sql: 'delete from sessions where id = :session',
    from: { status: 200 },
    to: out,
  },
  'a session whose time is cut short': {
    sql: "update sessions set expires_at = now() - interval '1 minute' where id = :session",
    from: { status: 200 },
    to: out,
  },
  'a new member': { sql: join, from: { isCrew: false }, to: { isCrew: true } },
  'a member who leaves': {
    before: [join],
    sql: 'delete from user_groups where user_id = :user',
    from: { isCrew: true },
    to: { isCrew: false },
  },
  'a member moved to another group': {
    before: [
      join,
      `insert into groups (id, name) values (gen_random_uuid(), 'Passengers') on conflict do nothing`,
    ],
    sql: `update user_groups set group_id = (select id from groups where name = 'Passengers')
          where user_id = :user`,
    from: { isCrew: true },
    to: { isCrew: false },
  },
  'a permission granted': { sql: grant, from: { maySail: false }, to: { maySail: true } },
  'a permission taken away': {
    before: [grant],
    sql: 'delete from user_permissions where user_id = :user',
    from: { maySail: true },
    to: { maySail: false },
  },
  'a permission granted to a group': {
    before: [join],
    sql: grantToCrew,
    from: { maySail: false },
    to: { maySail: true },
  },
  'a permission taken from a group': {
    before: [join, grantToCrew],
    sql: 'delete from group_permissions where group_id = :crew',
    from: { maySail: true },
    to: { maySail: false },
  },
  'a group with another name': {
    before: [join],
    sql: "update groups set name = 'Officers' where id = :crew",
    from: { isCrew: true },
    to: { isCrew: false },
  },
  'a deleted group': {
    before: [join, grantToCrew],
    sql: 'delete from groups where id = :crew',
    from: { isCrew: true, maySail: true },
    to: { isCrew: false, maySail: false },
  },
  'a permission that becomes a wildcard': {
    before: ["update permissions set codename = 'boats.sail' where id = :sail", grant],
    sql: "update permissions set codename = 'ships.*' where id = :sail",
    from: { maySail: false },
    to: { maySail: true },
  },
  'a deleted permission': {
    before: [join, grantToCrew],
    sql: 'delete from permissions where id = :sail',
    from: { maySail: true },
    to: { maySail: false },
  },
  'members truncated': {
    before: [join],
    sql: 'truncate user_groups',
    from: { isCrew: true },
    to: { isCrew: false },
  },
  'grants truncated': {
    before: [grant],
    sql: 'truncate user_permissions',
    from: { maySail: true },
    to: { maySail: false },
  },
  'grants of groups truncated': {
    before: [join, grantToCrew],
    sql: 'truncate group_permissions',
    from: { maySail: true },
    to: { maySail: false },
  },
  'permissions truncated': {
    before: [grant],
    sql: 'truncate permissions cascade',
    from: { maySail: true },
    to: { maySail: false },
  },
  'groups truncated': {
    before: [join],
    sql: 'truncate groups cascade',
    from: { isCrew: true },
    to: { isCrew: false },
  },
  'sessions truncated': { sql: 'truncate sessions', from: { status: 200 }, to: out },
  'users truncated': { sql: 'truncate users cascade', from: { status: 200 }, to: out },
};

describe('plain SQL on another connection is felt, and kept again:', () => {
  test.each(Object.entries(kinds))('%s', async (_what, { before = [], sql, from, to }) => {
    await database.query('delete from groups where id = $1 or name = $2', [crew, 'Crew']);
    await database.query('delete from permissions where id = $1', [sail]);
    await database.query("insert into groups (id, name) values ($1, 'Crew')", [crew]);
    await database.query(
      "insert into permissions (id, codename, name) values ($1, 'ships.sail', 'Can sail')",
      [sail],
    );
    const ada = await personAtRest(main.service);
    const session = sessionIdOf(ada.accessToken);
    const ids = { user: ada.userId, crew, sail, session };
    const run = (text: string) =>
      database.query(
        text.replace(
          /:(user|crew|sail|session)\b/g,
          (_, name: keyof typeof ids) => `'${ids[name]}'`,
        ),
      );
    for (const text of before) await run(text);
    await main.service.app.changeFeed.waitUntilDelivered();
    expect(await viewOf(ada)).toMatchObject(from);
    expect(await costOf(() => viewOf(ada))).toEqual([]);
    await run(sql);
    await until(async () => matches(await viewOf(ada), to), bound);
    if (to.status === undefined) expect(await costOf(() => viewOf(ada))).toEqual([]);
  });
});

function matches(view: View, wanted: Partial<View>): boolean {
  return Object.entries(wanted).every(([name, value]) => view[name as keyof View] === value); // its own names
}

describe('a load that is overtaken by a change is answered, and not kept:', () => {
  const load = /from sessions s join users u/;

  test('the change of a name', async () => {
    const ada = await personAtRest(main.service);
    const { reached, release } = main.wire.holdAnswerTo(load);
    const early = viewOf(ada);
    await reached;
    await main.service.database.query("update users set first_name = 'Grace' where id = $1", [
      ada.userId,
    ]);
    release();
    expect((await early).firstName).toBe('Ada');
    expect((await viewOf(ada)).firstName).toBe('Grace');
  });

  test('the end of the session, acknowledged meanwhile', async () => {
    const ada = await personAtRest(main.service);
    const { reached, release } = main.wire.holdAnswerTo(load);
    const early = viewOf(ada);
    await reached;
    await logOut(main.service, ada.accessToken);
    release();
    expect((await early).status).toBe(200);
    expect(await isIn(main.service, ada.accessToken)).toBe(false);
  });

  test('a change that nobody heard of, because the feed was away', async () => {
    const ada = await personAtRest(main.service);
    const { reached, release } = main.wire.holdAnswerTo(load);
    const early = viewOf(ada);
    await reached;
    const { changeFeed } = main.service.app;
    await closeFeeds(database);
    await until(() => !changeFeed.isTrusted());
    await database.query("update users set first_name = 'Grace' where id = $1", [ada.userId]);
    await until(() => changeFeed.isTrusted());
    release();
    expect((await early).firstName).toBe('Ada');
    expect((await viewOf(ada)).firstName).toBe('Grace');
  });
});

const feeds = `from pg_stat_activity
  where application_name = 'gatehouse-changes' and datname = current_database()`;

async function closeFeeds(of: TestDatabase): Promise<void> {
  await of.query(`select pg_terminate_backend(pid) ${feeds}`);
}

/** Asks all the while who somebody is; answers with what came of the work, once no request has failed. */
async function askingAllTheWhile<Result>(
  ada: Person,
  { service }: WiredService,
  work: () => Promise<Result>,
): Promise<Result> {
  let isOver = false;
  let answered = 0;
  const ask = async () => {
    for (; !isOver; answered += 1) {
      expect(await isIn(service, ada.accessToken)).toBe(true);
      await sleep(10);
    }
  };
  const asking = Promise.all([ask(), ask()]);
  try {
    return await work();
  } finally {
    isOver = true;
    await asking;
    expect(answered).toBeGreaterThan(10);
  }
}

/** Changes a name by SQL; answers the milliseconds until the service knows. */
async function rename(ada: Person, at: WiredService, name: string): Promise<number> {
  await at.database.query('update users set first_name = $1 where id = $2', [name, ada.userId]);
  return until(async () => (await viewOf(ada, at)).firstName === name, bound);
}

const keepsAgain = (ada: Person, at: WiredService) =>
  until(async () => (await costOf(() => viewOf(ada, at), at)).length === 0);

/** Stops the process behind the feed while some work is done. */
async function whileStopped(
  { database }: WiredService,
  work: () => Promise<unknown>,
): Promise<void> {
  const [row] = await database.query<{ pid: number }>(`select pid ${feeds}`);
  if (!row) throw new Error('there is no feed');
  process.kill(row.pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(row.pid, 'SIGCONT');
  }
}

describe.concurrent('a feed', () => {
  /** A stopped process keeps others from dropping their databases, so it is on a server apart. */
  let apart: OwnServer;
  beforeAll(async () => {
    apart = await startOwnServer();
  });
  afterAll(() => apart[Symbol.asyncDispose]());
  const startApart = async () => startWired(await apart.createDatabase());

  test('whose connection is closed again and again: changes are felt, nobody is refused', async () => {
    await using own = await startWired();
    const ada = await personAtRest(own.service);
    await askingAllTheWhile(ada, own, async () => {
      let isCut = true;
      const cutting = (async () => {
        while (isCut) {
          await closeFeeds(own.database);
          await sleep(20);
        }
      })();
      for (const name of ['Grace', 'Edith', 'Mary']) {
        expect(await rename(ada, own, name)).toBeLessThan(bound);
        await sleep(100);
      }
      isCut = false;
      await cutting;
      await keepsAgain(ada, own);
      expect(await rename(ada, own, 'Hedy')).toBeLessThan(bound);
    });
  });

  test('whose process is stopped: changes are felt within three seconds, ends at once', async () => {
    await using own = await startApart();
    const [ada, bob] = [await personAtRest(own.service), await personAtRest(own.service)];
    for (const one of [ada, bob]) await keepsAgain(one, own);
    await whileStopped(own, () =>
      askingAllTheWhile(ada, own, async () => {
        await logOut(own.service, bob.accessToken);
        expect(await isIn(own.service, bob.accessToken)).toBe(false);
        expect(await rename(ada, own, 'Grace')).toBeLessThan(bound);
      }),
    );
    await keepsAgain(ada, own);
    expect(await rename(ada, own, 'Edith')).toBeLessThan(bound);
  });

  test('whose process stays stopped is given up for a new one', async () => {
    await using own = await startApart();
    const ada = await personAtRest(own.service);
    await keepsAgain(ada, own);
    await whileStopped(own, async () => {
      await askingAllTheWhile(ada, own, () => rename(ada, own, 'Grace'));
      await keepsAgain(ada, own);
      expect(await rename(ada, own, 'Edith')).toBeLessThan(bound);
    });
  });

  test('whose process is stopped keeps no service from ending', async () => {
    const own = await startApart();
    await whileStopped(own, async () => {
      const start = performance.now();
      await own.service.close();
      expect(performance.now() - start).toBeLessThan(bound);
    });
    await own.wire[Symbol.asyncDispose]();
    await own.database.drop();
  });

  test('that freezes while it connects is given up for a new one', async () => {
    await using own = await startWired();
    const ada = await personAtRest(own.service);
    const { reached } = own.wire.holdAnswerTo(/^listen gatehouse_changes/);
    await closeFeeds(own.database);
    await reached;
    expect(await rename(ada, own, 'Grace')).toBeLessThan(bound);
    await keepsAgain(ada, own);
    expect(await rename(ada, own, 'Edith')).toBeLessThan(bound);
  });

  test('that is connecting when the service stops leaves nothing behind', async () => {
    const database = await createTestDatabase();
    await using wire = await openDatabaseWire(database.url);
    const service = await startService({ database: { ...database, url: wire.url } });
    const { reached, release } = wire.holdAnswerTo(/^listen gatehouse_changes/);
    await closeFeeds(database);
    await reached;
    await service.close();
    release();
    const open = () => database.query(`select 1 ${feeds}`);
    await until(async () => (await open()).length === 0);
    expect(await open()).toEqual([]);
    await database.drop();
  });
});
