/** A change feed whose connection is cut or frozen: changes still take effect within three seconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { createChangeFeed } from '../../src/database/change-feed.ts';
import { createLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestDatabase } from '../support/database.ts';
import { openDatabaseWire } from '../support/database-wire.ts';
import { createIdleUser } from '../support/idle-user.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { startService } from '../support/service.ts';
import { isIn, logOut } from '../support/session-calls.ts';
import { until } from '../support/until.ts';
import {
  closeFeeds,
  effectLimit,
  feedPids,
  type IdleUser,
  startWired,
  statementsOf,
  viewOf,
  type WiredService,
} from '../support/wired-service.ts';

/** Sends requests of a user during the work, and expects that all succeed. */
async function whileRequesting<Result>(
  ada: IdleUser,
  { service }: WiredService,
  work: () => Promise<Result>,
): Promise<Result> {
  let isDone = false;
  let answered = 0;
  const request = async () => {
    for (; !isDone; answered += 1) {
      expect(await isIn(service, ada.accessToken)).toBe(true);
      await sleep(10);
    }
  };
  const requesting = Promise.all([request(), request()]);
  try {
    return await work();
  } finally {
    isDone = true;
    await requesting;
    expect(answered).toBeGreaterThan(10);
  }
}

/** Changes a name by SQL; returns the milliseconds until the service shows it. */
async function rename(ada: IdleUser, at: WiredService, name: string): Promise<number> {
  await at.database.query('update users set first_name = $1 where id = $2', [name, ada.userId]);
  return until(async () => (await viewOf(ada, at)).firstName === name, effectLimit);
}

const untilCached = (ada: IdleUser, at: WiredService) =>
  until(async () => (await statementsOf(() => viewOf(ada, at), at)).length === 0);

/** Freezes the server process of the feed's connection during the work. */
async function whileFrozen(
  { database }: WiredService,
  work: () => Promise<unknown>,
): Promise<void> {
  const [pid] = await feedPids(database);
  if (pid === undefined) throw new Error('there is no feed');
  process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

describe.concurrent('a change feed', () => {
  /** On a separate server, because a frozen process prevents other tests from dropping their databases. */
  let separate: OwnServer;
  beforeAll(async () => {
    separate = await startOwnServer();
  });
  afterAll(() => separate[Symbol.asyncDispose]());
  const startSeparate = async () => startWired(await separate.createDatabase());

  test('whose connection is closed repeatedly: changes take effect, no request fails', async () => {
    await using own = await startWired();
    const ada = await createIdleUser(own.service);
    await whileRequesting(ada, own, async () => {
      let isCut = true;
      const cutting = (async () => {
        while (isCut) {
          await closeFeeds(own.database);
          await sleep(20);
        }
      })();
      for (const name of ['Grace', 'Edith', 'Mary']) {
        expect(await rename(ada, own, name)).toBeLessThan(effectLimit);
        await sleep(100);
      }
      isCut = false;
      await cutting;
      await untilCached(ada, own);
      expect(await rename(ada, own, 'Hedy')).toBeLessThan(effectLimit);
    });
  });

  test('whose connection is frozen: changes take effect within three seconds, logouts at once', async () => {
    await using own = await startSeparate();
    const [ada, bob] = [await createIdleUser(own.service), await createIdleUser(own.service)];
    for (const one of [ada, bob]) await untilCached(one, own);
    await whileFrozen(own, () =>
      whileRequesting(ada, own, async () => {
        await logOut(own.service, bob.accessToken);
        expect(await isIn(own.service, bob.accessToken)).toBe(false);
        expect(await rename(ada, own, 'Grace')).toBeLessThan(effectLimit);
      }),
    );
    await untilCached(ada, own);
    expect(await rename(ada, own, 'Edith')).toBeLessThan(effectLimit);
  });

  test('whose connection stays frozen opens a new connection', async () => {
    await using own = await startSeparate();
    const ada = await createIdleUser(own.service);
    await untilCached(ada, own);
    await whileFrozen(own, async () => {
      await whileRequesting(ada, own, () => rename(ada, own, 'Grace'));
      await untilCached(ada, own);
      expect(await rename(ada, own, 'Edith')).toBeLessThan(effectLimit);
    });
  });

  test('whose connection is frozen does not delay the shutdown', async () => {
    const own = await startSeparate();
    await whileFrozen(own, async () => {
      const start = performance.now();
      await own.service.close();
      expect(performance.now() - start).toBeLessThan(effectLimit);
    });
    await own.wire[Symbol.asyncDispose]();
    await own.database.drop();
  });

  test('whose connection freezes while it opens is replaced', async () => {
    await using own = await startWired();
    const ada = await createIdleUser(own.service);
    const { reached } = own.wire.holdAnswerTo(/^listen gatehouse_changes/);
    await closeFeeds(own.database);
    await reached;
    expect(await rename(ada, own, 'Grace')).toBeLessThan(effectLimit);
    await untilCached(ada, own);
    expect(await rename(ada, own, 'Edith')).toBeLessThan(effectLimit);
  });

  test('that is connecting during the shutdown leaves no connection', async () => {
    const database = await createTestDatabase();
    await using wire = await openDatabaseWire(database.url);
    const service = await startService({ database: { ...database, url: wire.url } });
    const { reached, release } = wire.holdAnswerTo(/^listen gatehouse_changes/);
    await closeFeeds(database);
    await reached;
    await service.close();
    release();
    await until(async () => (await feedPids(database)).length === 0);
    expect(await feedPids(database)).toEqual([]);
    await database.drop();
  });

  test('is trusted when it has started, also if its first heartbeat takes a while', async () => {
    const database = await createTestDatabase();
    await using wire = await openDatabaseWire(database.url);
    const feed = createChangeFeed({
      database: parseDatabaseUrl(wire.url),
      log: createLog({ isReadable: false, level: 'silent' }),
      metrics: createMetrics(),
    });
    const { reached, release } = wire.holdAnswerTo(/^select pg_notify/);
    const starting = feed.start();
    await reached;
    expect(feed.isTrusted()).toBe(false);
    setTimeout(release, 100);
    await starting;
    expect(feed.isTrusted()).toBe(true);
    await feed.stop();
    await database.drop();
  });
});
