/** The cache of principals: it saves statements, is bounded, and contains no outdated principal. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../../support/database.ts';
import { createIdleUser } from '../../support/idle-user.ts';
import { isIn, logOut } from '../../support/session-calls.ts';
import { until } from '../../support/until.ts';
import {
  closeFeeds,
  type IdleUser,
  startWired,
  statementsOf,
  viewOf,
  type WiredService,
} from '../../support/wired-service.ts';

let main: WiredService;
let database: TestDatabase;
beforeAll(async () => {
  main = await startWired();
  database = main.database;
});
afterAll(() => main[Symbol.asyncDispose]());

const view = (user: IdleUser, at = main) => viewOf(user, at);
const statements = (work: () => Promise<unknown>, at = main) => statementsOf(work, at);

describe('a cached principal', () => {
  test('needs no statement for me, permissions, groups and the profile over REST', async () => {
    const ada = await createIdleUser(main.service);
    await view(ada);
    const executed = await statements(async () => {
      for (let round = 0; round < 5; round += 1) {
        expect(await view(ada)).toMatchObject({ status: 200, firstName: 'Ada' });
        for (const path of ['view/', 'has_permission/users.view_user', 'has_group/Crew']) {
          const { status } = await main.service.rest('GET', `/profile/${path}`, {
            token: ada.accessToken,
          });
          expect(status).toBe(200);
        }
      }
    });
    expect(executed).toEqual([]);
  });

  test('has short metadata; longer metadata is one statement of the requests that ask for it', async () => {
    const ada = await createIdleUser(main.service);
    const sizes = [
      [20, 0],
      [5000, 1],
    ] as const;
    for (const [length, expected] of sizes) {
      const metadata = { text: 'x'.repeat(length) };
      await database.query('update users set metadata = $1 where email = $2', [
        JSON.stringify(metadata),
        ada.email,
      ]);
      await until(async () => (await view(ada)).status === 200);
      await main.service.app.changeFeed.waitUntilDelivered();
      await view(ada);
      expect(await statements(() => view(ada))).toEqual([]);
      const read = async () => {
        const document = '{ me { metadata again: metadata } }';
        const { data } = await main.service.graphql(document, {}, ada.accessToken);
        expect(data.me).toEqual({ metadata, again: metadata });
      };
      expect(await statements(read)).toHaveLength(expected);
    }
  });

  test('needs one statement at first, and none after logins and logouts of other users', async () => {
    const [ada, bob] = [await createIdleUser(main.service), await createIdleUser(main.service)];
    expect(await statements(() => view(ada))).toHaveLength(1);
    await createIdleUser(main.service);
    await logOut(main.service, bob.accessToken);
    expect(await statements(() => view(ada))).toEqual([]);
  });

  test('is evicted as the least recently used one, when the cache is full', async () => {
    await using small = await startWired(database, {
      mail: main.service.mail,
      environment: { PRINCIPAL_CACHE_SIZE: '3' },
    });
    const idleUsers: IdleUser[] = [];
    for (let number = 0; number < 10; number += 1) {
      idleUsers.push(await createIdleUser(main.service, { firstName: `Person ${number}` }));
    }
    const expectAll = async (names: (number: number) => string) => {
      for (const [number, one] of idleUsers.entries()) {
        const executed = await statements(
          async () => expect((await view(one, small)).firstName).toBe(names(number)),
          small,
        );
        expect(executed).toHaveLength(1);
      }
    };
    await expectAll((number) => `Person ${number}`);
    await expectAll((number) => `Person ${number}`);
    for (const one of idleUsers.slice(-3)) {
      expect(await statements(() => view(one, small), small)).toEqual([]);
    }
    await database.query("update users set first_name = 'New ' || first_name where id = any($1)", [
      idleUsers.map(({ userId }) => userId),
    ]);
    await small.service.app.changeFeed.waitUntilDelivered();
    await expectAll((number) => `New Person ${number}`);
  });
});

describe('a principal whose load overlaps a change is used once and not cached:', () => {
  const load = /from sessions s join users u/;

  test('a new name', async () => {
    const ada = await createIdleUser(main.service);
    const { reached, release } = main.wire.holdAnswerTo(load);
    const early = view(ada);
    await reached;
    await main.service.database.query("update users set first_name = 'Grace' where id = $1", [
      ada.userId,
    ]);
    release();
    expect((await early).firstName).toBe('Ada');
    expect((await view(ada)).firstName).toBe('Grace');
  });

  test('the end of the session, after its response', async () => {
    const ada = await createIdleUser(main.service);
    const { reached, release } = main.wire.holdAnswerTo(load);
    const early = view(ada);
    await reached;
    await logOut(main.service, ada.accessToken);
    release();
    expect((await early).status).toBe(200);
    expect(await isIn(main.service, ada.accessToken)).toBe(false);
  });

  test('a change while the change feed was disconnected', async () => {
    const ada = await createIdleUser(main.service);
    const { reached, release } = main.wire.holdAnswerTo(load);
    const early = view(ada);
    await reached;
    const { changeFeed } = main.service.app;
    await closeFeeds(database);
    await until(() => !changeFeed.isTrusted());
    await database.query("update users set first_name = 'Grace' where id = $1", [ada.userId]);
    await until(() => changeFeed.isTrusted());
    release();
    expect((await early).firstName).toBe('Ada');
    expect((await view(ada)).firstName).toBe('Grace');
  });
});
