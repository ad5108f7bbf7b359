/** What a transaction sends at once, and that nothing is lost when one of those statements fails. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withTheNext } from '../../src/db/held-back.ts';
import { type Orm, openOrm, ormOptions } from '../../src/db/orm.ts';
import { createUnitOfWork, type UnitOfWork } from '../../src/db/unit-of-work.ts';
import { entities } from '../../src/entities.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../support/database-wire.ts';
import { until } from '../support/until.ts';

const note = 'insert into notes (text) values (?)';
const laterNote = withTheNext(`${note} /* with the next */`);

let database: TestDatabase;
let wire: DatabaseWire;
let orm: Orm;
let uow: UnitOfWork;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.query('create table notes (text text not null unique)');
  wire = await openDatabaseWire(database.url);
  orm = await openOrm(ormOptions({ databaseUrl: wire.url }, { entities }));
  uow = createUnitOfWork(orm);
});
afterAll(async () => {
  await orm.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

const run = <Result>(work: () => Promise<Result>) => uow.inContext(() => uow.run(work));
const notes = async () => {
  const rows = await database.query<{ text: string }>('select text from notes order by text');
  return rows.map(({ text }) => text);
};
const sentSince = (before: number) => wire.statements.slice(before);

test('what is asked for together is sent before the first of it is answered', async () => {
  const { reached, release } = wire.holdAnswerTo(/'first'/);
  const before = wire.statements.length;
  const running = run(() =>
    Promise.all([uow.query("select 'first' as a"), uow.query("select 'second' as a")]),
  );
  await reached;
  await until(() => sentSince(before).some((text) => text.includes("'second'")));
  release();
  expect(await running).toEqual([[{ a: 'first' }], [{ a: 'second' }]]);
});

test('what is asked for one by one is sent one by one', async () => {
  const { reached, release } = wire.holdAnswerTo(/'alone'/);
  const before = wire.statements.length;
  const running = run(async () => {
    await uow.query("select 'alone' as a");
    return uow.query("select 'after' as a");
  });
  await reached;
  expect(sentSince(before)).toEqual(["select 'alone' as a"]);
  release();
  expect(await running).toEqual([{ a: 'after' }]);
});

test('a marked statement goes with the commit at the latest, and is committed', async () => {
  const { reached, release } = wire.holdAnswerTo(/with the next/);
  let isTakenAsDone = false;
  const running = run(async () => {
    await uow.query(note, ['now']);
    await uow.query(laterNote, ['later']);
    isTakenAsDone = true;
  });
  await reached;
  expect(isTakenAsDone).toBe(true); // although its answer is held back
  release();
  await running;
  expect(await notes()).toEqual(expect.arrayContaining(['later', 'now']));
});

test('a marked statement that fails fails the transaction, with the reason, and nothing stays', async () => {
  const failing = run(async () => {
    await uow.query(note, ['lost']);
    await uow.query(laterNote, [null]);
  });
  await expect(failing).rejects.toMatchObject({ code: '23502' });
  const failingBeforeTheEnd = run(async () => {
    await uow.query(laterNote, [null]);
    await uow.query(note, ['lost too']);
  });
  await expect(failingBeforeTheEnd).rejects.toMatchObject({ code: '23502' });
  expect(await notes()).not.toEqual(expect.arrayContaining([expect.stringContaining('lost')]));
});

test('of several together the first that fails tells why, and nothing stays', async () => {
  const failing = run(() =>
    Promise.all([
      uow.query(note, ['gone']),
      uow.query(note, [null]),
      uow.query(note, ['gone as well']),
    ]),
  );
  await expect(failing).rejects.toMatchObject({ code: '23502' });
  await expect(run(() => uow.query(note, ['after it']))).resolves.toEqual([]);
  expect(await notes()).not.toEqual(expect.arrayContaining([expect.stringContaining('gone')]));
});

test('a transaction given up takes with it what was held back', async () => {
  const givenUp = run(async () => {
    await uow.query(note, ['given up']);
    await uow.query(laterNote, ['given up later']);
    throw new Error('not after all');
  });
  await expect(givenUp).rejects.toThrow('not after all');
  await expect(
    run(async () => {
      await uow.query(laterNote, ['never sent']);
      throw new Error('nor this');
    }),
  ).rejects.toThrow('nor this');
  expect(await run(() => uow.query('select 1 as one'))).toEqual([{ one: 1 }]);
  expect(await notes()).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/given up|never/)]),
  );
});

test('only marked statements: they are committed all the same', async () => {
  await run(async () => {
    await uow.query(laterNote, ['marked only']);
  });
  expect(await notes()).toContain('marked only');
});

test('outside a transaction a marked statement is sent at once', async () => {
  await uow.inContext(() => uow.query(laterNote, ['outside']));
  expect(await notes()).toContain('outside');
});

test('a savepoint that is rolled back takes only its own', async () => {
  await run(async () => {
    await uow.query(laterNote, ['outer']);
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
])('a statement that comes when its transaction was %s is refused, and not run', async (_, end) => {
  const { promise: hasEnded, resolve } = Promise.withResolvers<void>();
  let late: Promise<unknown> | undefined;
  const running = run(async () => {
    await uow.query('select 1');
    late = hasEnded.then(() => uow.query(note, ['too late']));
    end();
  });
  await running.catch(() => undefined);
  resolve();
  await expect(late).rejects.toThrow('the transaction has ended');
  expect(await notes()).not.toContain('too late');
});
