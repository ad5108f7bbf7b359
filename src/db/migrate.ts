/**
 * Brings the database to the present schema, ours and the job queue's, under one advisory lock, so
 * that any number of replicas may start at once. It may take any time, and so may waiting for it.
 */
import { runMigrations } from 'graphile-worker';
import { unhurried } from './connections.ts';
import type { Orm } from './orm.ts';
import type { UnitOfWork } from './unit-of-work.ts';

const withoutLimits = `
  select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('gatehouse.migrate', 'on', true)`;

/**
 * Names of the migrations that were missing. All of ours happen in one transaction, or none.
 *
 * @param directUrl leads to the database without a pooler: the job queue's are not made for one
 * @param complete runs in the same transaction with these names: what SQL cannot do by itself
 */
export async function migrate(
  orm: Orm,
  unitOfWork: UnitOfWork,
  directUrl: string,
  complete: (names: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const work = () =>
    unitOfWork.run(async () => {
      await unitOfWork.query(withoutLimits);
      await unitOfWork.lock('gatehouse:migrate');
      await runMigrations({ connectionString: directUrl });
      const done = await orm.migrator.up({ transaction: orm.em.getTransactionContext() });
      const names = done.map(({ name }) => name);
      await complete(names);
      return names;
    });
  return unhurried(() => unitOfWork.inContext(work));
}
