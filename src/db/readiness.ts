/** Whether the database answers at this moment. */
import { within } from '../core/within.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** Milliseconds; whoever probes hears of a loss within two seconds, also when nothing answers at all. */
const patienceMilliseconds = 1_500;

export async function isDatabaseReady({ query }: Pick<UnitOfWork, 'query'>): Promise<boolean> {
  const answered = query('select 1').then(
    () => true,
    () => false,
  );
  return within(patienceMilliseconds, answered, false);
}
