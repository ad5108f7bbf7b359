/**
 * A clock that follows the database. Every stored time and every comparison with one uses it, or `now()` in SQL, which
 * is the same clock. With the clock of its machine, a process would treat valid sessions and codes as expired, or
 * expired ones as valid, if that clock is wrong. The cache of session principals and the check of access tokens run
 * without a statement, so `now()` alone is not enough.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Clock } from '../core/time.ts';
import type { Log } from '../observability/log.ts';
import type { UnitOfWork } from './transaction.ts';

const entityClocks = new WeakMap<EntityManager['config'], Clock>();

/** Sets the clock of the entities of an entity manager and its forks. */
export function useClock({ config }: EntityManager, clock: Clock): void {
  entityClocks.set(config, clock);
}

/** The time for `onCreate` and `onUpdate` of an entity. */
export function entityTime(_entity: unknown, { config }: Pick<EntityManager, 'config'>): Date {
  const clock = entityClocks.get(config);
  if (!clock) throw new Error('useClock was not called for this entity manager');
  return clock();
}

const measureMilliseconds = 10_000;
/** Smaller differences are ignored. A measurement that takes longer than this is discarded as inaccurate. */
const toleratedMilliseconds = 1_000;
/** The difference is logged when it has changed by this much. */
const loggedMilliseconds = 30_000;

export interface DatabaseClock extends Disposable {
  readonly now: Clock;
}

/** Measures now and every ten seconds. While the database is unavailable the last measurement is used. */
export async function followDatabaseClock(deps: {
  readonly query: UnitOfWork['query'];
  readonly log: Log;
}): Promise<DatabaseClock> {
  let offset = 0;
  const measure = async () => {
    const measured = await measureOffset(deps.query);
    if (measured === undefined) return;
    const isNotable = Math.abs(measured - offset) > loggedMilliseconds;
    offset = measured;
    if (!isNotable) return;
    const seconds = Math.round(offset / 1000);
    deps.log.warn(
      { component: 'clock', seconds },
      'the clock of this machine differs from the database clock',
    );
  };
  await measure();
  const timer = setInterval(() => void measure().catch(() => undefined), measureMilliseconds);
  timer.unref();
  return { now: () => new Date(Date.now() + offset), [Symbol.dispose]: () => clearInterval(timer) };
}

/** Milliseconds that the database's clock is ahead; 0 for small differences, undefined for a slow measurement. */
async function measureOffset(query: UnitOfWork['query']): Promise<number | undefined> {
  const { aheadMilliseconds: offset, tookMilliseconds } = await compareClocks(query);
  if (tookMilliseconds > toleratedMilliseconds) return undefined;
  return Math.abs(offset) < toleratedMilliseconds ? 0 : offset;
}

/** Milliseconds by which the clock of the database is ahead of the process, and the duration of the measurement. */
export async function compareClocks(query: UnitOfWork['query']) {
  const [sentAt, begin] = [Date.now(), performance.now()];
  const [row] = await query<{ now: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
  );
  const tookMilliseconds = performance.now() - begin;
  if (!row) throw new Error('the statement returned no row');
  return { aheadMilliseconds: row.now - (sentAt + tookMilliseconds / 2), tookMilliseconds };
}
