/** Every change of users, sessions, groups and grants is announced by a trigger, from any connection. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../support/database.ts';
import { createIdleUser } from '../support/idle-user.ts';
import { sessionIdOf } from '../support/session-calls.ts';
import { until } from '../support/until.ts';
import {
  effectLimit,
  type IdleUser,
  startWired,
  statementsOf,
  type View,
  viewOf,
  type WiredService,
} from '../support/wired-service.ts';

let main: WiredService;
let database: TestDatabase;
beforeAll(async () => {
  main = await startWired();
  database = main.database;
});
afterAll(() => main[Symbol.asyncDispose]());

const view = (user: IdleUser, at = main) => viewOf(user, at);
const statements = (work: () => Promise<unknown>, at = main) => statementsOf(work, at);

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

const changes: Readonly<Record<string, Change>> = {
  'a name': {
    sql: "update users set first_name = 'Grace' where id = :user",
    from: { firstName: 'Ada' },
    to: { firstName: 'Grace' },
  },
  '150 names at once': {
    before: [
      `insert into users (id, email, status, created_at, updated_at)
       select gen_random_uuid(), gen_random_uuid() || '@example.com', 'ACTIVE', now(), now()
       from generate_series(1, 150)`,
    ],
    sql: "update users set first_name = 'Grace'",
    from: { firstName: 'Ada' },
    to: { firstName: 'Grace' },
  },
  'a new superuser': {
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
  'a session that expires earlier': {
    sql: "update sessions set expires_at = now() - interval '1 minute' where id = :session",
    from: { status: 200 },
    to: out,
  },
  'a new member': { sql: join, from: { isCrew: false }, to: { isCrew: true } },
  'a removed member': {
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
  'a permission revoked': {
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
  'a permission revoked from a group': {
    before: [join, grantToCrew],
    sql: 'delete from group_permissions where group_id = :crew',
    from: { maySail: true },
    to: { maySail: false },
  },
  'a renamed group': {
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

describe('a change by plain SQL on another connection takes effect, and the result is cached:', () => {
  test.each(Object.entries(changes))('%s', async (_change, { before = [], sql, from, to }) => {
    await database.query('delete from groups where id = $1 or name = $2', [crew, 'Crew']);
    await database.query('delete from permissions where id = $1', [sail]);
    await database.query("insert into groups (id, name) values ($1, 'Crew')", [crew]);
    await database.query(
      "insert into permissions (id, codename, name) values ($1, 'ships.sail', 'Can sail')",
      [sail],
    );
    const ada = await createIdleUser(main.service);
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
    expect(await view(ada)).toMatchObject(from);
    expect(await statements(() => view(ada))).toEqual([]);
    await run(sql);
    await until(async () => matches(await view(ada), to), effectLimit);
    if (to.status === undefined) expect(await statements(() => view(ada))).toEqual([]);
  });
});

function matches(view: View, wanted: Partial<View>): boolean {
  return Object.entries(wanted).every(([name, value]) => view[name as keyof View] === value); // its own names
}
