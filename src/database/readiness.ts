/** The check of the database for the readiness probe. */
import { withTimeout } from '../core/timeout.ts';
import type { UnitOfWork } from './transaction.ts';

/** Less than two seconds, the timeout of the probe, so that the probe gets a response while the database hangs. */
const readinessTimeoutMs = 1_500;

export async function isDatabaseReady({ query }: Pick<UnitOfWork, 'query'>): Promise<boolean> {
  const isReady = query('select 1').then(
    () => true,
    () => false,
  );
  return withTimeout(readinessTimeoutMs, isReady, false);
}
