/** A long transaction locks one chain of the audit log only, so that other transactions use the others. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operatorContext } from '../../../src/cli/context.ts';
import { runWithContext } from '../../../src/core/request-context.ts';
import { environmentOf, spawnCommand } from '../../support/command.ts';
import { newAddress, somebody, tryLogin } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let replica: TestService;
beforeAll(async () => {
  service = await startService();
  replica = await startService({ database: service.database, mail: service.mail });
});
afterAll(async () => {
  await replica.close();
  await service.close();
});

const verify = () =>
  service.app.unitOfWork.withEntityManager(() => service.app.audit.verifier.verify());

/** Appends `count` entries in a transaction, then calls `work`. */
function transaction(count: number, work: () => Promise<void>, app = service.app) {
  return app.unitOfWork.withEntityManager(() =>
    app.unitOfWork.transaction(async () => {
      for (let round = 0; round < count; round += 1) {
        await app.audit.log.append({ action: 'long-transaction' });
      }
      await work();
    }),
  );
}

test('J12: `apply` of 300 groups delays no login, and none is rejected', async () => {
  const users = await Promise.all([somebody(service), somebody(service), somebody(replica)]);
  const groups = Array.from({ length: 300 }, (_, index) => `  group-${index}:\n    description: x`);
  const file = join(makeScratchDirectory('long'), 'access.yaml');
  await writeFile(file, ['groups:', ...groups, ''].join('\n'));
  let isDone = false;
  // A separate process, as in production, so that its work does not delay the measured logins.
  const applying = spawnCommand(['apply', '-f', file], {
    environment: environmentOf(service.database),
    limitMilliseconds: 110_000,
  }).finally(() => {
    isDone = true;
  });
  const logins: { readonly milliseconds: number; readonly result: string }[] = [];
  for (let round = 0; !isDone; round += 1) {
    const { email } = users[round % users.length] ?? { email: '' };
    const startedAt = performance.now();
    const { __typename: result } = await tryLogin(round % 2 ? service : replica, email);
    logins.push({ milliseconds: performance.now() - startedAt, result });
    await sleep(40);
  }
  expect((await applying).code).toBe(0);
  expect(logins.length).toBeGreaterThan(20);
  expect(logins.filter(({ result }) => result !== 'TokenPair')).toEqual([]);
  // A login that waits for the chain ends with the transaction.
  const [{ held } = { held: 0 }] = await service.database.query<{ held: number }>(
    `select (extract(epoch from max(at) - min(at)) * 1000)::float as held
     from audit_entries where action = 'group-created'`,
  );
  expect(Math.max(...logins.map(({ milliseconds }) => milliseconds))).toBeLessThan(held / 2);
  const chains = await service.database.query(
    "select distinct chain from audit_entries where action = 'group-created'",
  );
  expect(chains).toHaveLength(1);
  expect(await verify()).toMatchObject({ faults: [] });
}, 120_000);

test('J12: parallel entries of a transaction, also after a rolled back savepoint, form a valid chain', async () => {
  const { audit, unitOfWork } = service.app;
  await transaction(2, async () => {
    await Promise.all(
      Array.from({ length: 16 }, (_, index) => audit.log.append({ action: `at-once-${index}` })),
    );
    const undone = unitOfWork.em.transactional(async () => {
      await audit.log.append({ action: 'undone' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await audit.log.append({ action: 'afterwards' });
  });
  const rows = await service.database.query<{ action: string; chain: number }>(
    `select action, chain from audit_entries where action ~ '^(at-once|undone|afterwards)'`,
  );
  expect(rows).toHaveLength(17);
  expect(new Set(rows.map(({ chain }) => chain)).size).toBe(1);
  expect(await verify()).toMatchObject({ faults: [] });
});

test('J12: seventeen long transactions of commands leave chains for logins, and none fails', async () => {
  const { email } = await somebody(service);
  const release = Promise.withResolvers<void>();
  let running = 0;
  const long = Array.from({ length: 17 }, (_, index) => {
    const { app } = index % 2 ? service : replica;
    return runWithContext(operatorContext(), () =>
      transaction(
        3,
        async () => {
          running += 1;
          await release.promise;
          running -= 1;
        },
        app,
      ),
    );
  });
  await expect.poll(() => running, { timeout: 5000 }).toBe(4);
  for (let round = 0; round < 5; round += 1) {
    expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
  }
  expect(running).toBe(4);
  release.resolve();
  await Promise.all(long);
  expect(await verify()).toMatchObject({ faults: [] });
});

test('parallel logins, denied logins and transactions of two replicas write one entry each, and the chains stay valid', async () => {
  const { email, userId } = await somebody(service);
  const count = async () => {
    const [row] = await service.database.query(
      `select count(*) filter (where action = 'login' and code is null)::int as logins,
         count(*) filter (where action = 'login' and code is not null)::int as denials,
         count(*) filter (where action = 'long-transaction')::int as others
       from audit_entries where target_id = $1 or target_id is null`,
      [userId],
    );
    return row as { logins: number; denials: number; others: number };
  };
  const before = await count();
  const replicas = [service, replica];
  await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const at = replicas[index % 2] ?? service;
      await tryLogin(at, email);
      await tryLogin(at, newAddress());
      await transaction(1, async () => undefined, at.app);
    }),
  );
  const after = await count();
  expect(after).toEqual({
    logins: before.logins + 16,
    denials: before.denials + 16,
    others: before.others + 16,
  });
  expect(await verify()).toMatchObject({ faults: [] });
});

test('J12: with every chain locked, a writer uses the first free one', async () => {
  const lockedChains = async () => {
    const free = await service.database.query(
      'select chain from audit_chains for update skip locked',
    );
    return 16 - free.length;
  };
  const holders = Array.from({ length: 16 }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { app } = index % 2 ? service : replica;
    return { release: resolve, ended: transaction(1, () => promise, app) };
  });
  await expect.poll(lockedChains, { timeout: 5000 }).toBe(16);
  const written = transaction(1, async () => undefined, replica.app);
  holders[7]?.release();
  await written; // while all other chains are locked
  for (const { release } of holders) release();
  await Promise.all(holders.map(({ ended }) => ended));
  expect(await verify()).toMatchObject({ faults: [] });
});
