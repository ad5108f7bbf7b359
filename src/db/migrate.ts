/**
 * Brings the database to the present schema, ours and the job queue's, under one advisory lock, so
 * that any number of replicas may start at once.
 */
import { runMigrations } from 'graphile-worker';
import type { Orm } from './orm.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/**
 * Names of the migrations that were missing. All of ours happen in one transaction, or none.
 *
 * @param directUrl leads to the database without a pooler: the job queue's are not made for one
 */
export async function migrate(
  orm: Orm,
  unitOfWork: UnitOfWork,
  directUrl: string,
): Promise<readonly string[]> {
  return unitOfWork.inContext(() =>
    unitOfWork.run(async () => {
      await unitOfWork.lock('gatehouse:migrate');
      await runMigrations({ connectionString: directUrl });
      const done = await orm.migrator.up({ transaction: orm.em.getTransactionContext() });
      return done.map(({ name }) => name);
    }),
  );
}
