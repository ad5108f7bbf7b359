/** The connections to the database are closed, whatever they do at that moment. */
import { expect, test } from 'vitest';
import { entities } from '../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { isDatabaseUnavailable } from '../../src/database/connection-errors.ts';
import { openOrm, ormOptions } from '../../src/database/orm.ts';
import { createUnitOfWork, type UnitOfWork } from '../../src/database/transaction.ts';
import { createTestDatabase } from '../support/database.ts';
import { openDatabaseWire } from '../support/database-wire.ts';

const work: [string, (uow: UnitOfWork) => Promise<unknown>, 'rejected' | 'fulfilled'][] = [
  ['a statement', (uow) => uow.query('select 1'), 'rejected'],
  ['a transaction', (uow) => uow.transaction(() => uow.query('select 1')), 'rejected'],
  [
    'a prepared statement',
    (uow) => uow.execute({ name: 'one', text: 'select 1' }, []),
    'fulfilled',
  ],
];

test.each(work)(
  '%s whose connection opens meanwhile does not keep them open',
  async (_, run, end) => {
    const database = await createTestDatabase();
    await using wire = await openDatabaseWire(database.url);
    const orm = await openOrm(ormOptions({ database: parseDatabaseUrl(wire.url) }, { entities }));
    const uow = createUnitOfWork(orm);
    await uow.withEntityManager(() => uow.query('select 1'));
    const { reached, release } = wire.holdAnswerTo(/^select pg_is_in_recovery/);
    // The first one uses the connection that is there already.
    const ends = Promise.allSettled([
      uow.withEntityManager(() => uow.query('select pg_sleep(0.1)')),
      uow.withEntityManager(() => run(uow)),
    ]);
    await reached;
    const closing = orm.close();
    release();
    await closing;
    const [first, second] = await ends;
    expect([first.status, second.status]).toEqual(['fulfilled', end]);
    if (second.status === 'rejected') expect(isDatabaseUnavailable(second.reason)).toBe(true);
    await database.drop();
  },
);
