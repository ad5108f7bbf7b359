/**
 * The database's time, which all replicas share: a process whose own clock is wrong would otherwise
 * take sessions and codes of the others for expired, or give them more time than they have.
 */
import type { Clock } from '../core/time.ts';
import type { Log } from '../observability/log.ts';
import type { UnitOfWork } from './transaction.ts';

const measureMilliseconds = 10_000;
/** Less is left to NTP, and an answer that took so long says nothing about it. */
const toleratedMilliseconds = 1_000;
const noticedMilliseconds = 30_000;

export interface DatabaseClock extends Disposable {
  readonly now: Clock;
}

/** Measures now, and again every few seconds; while the database is away the last measure counts. */
export async function followDatabaseClock(parts: {
  readonly query: UnitOfWork['query'];
  readonly log: Log;
}): Promise<DatabaseClock> {
  let offset = 0;
  const measure = async () => {
    const measured = await measureOffset(parts.query);
    if (measured === undefined) return;
    const isNews = Math.abs(measured - offset) > noticedMilliseconds;
    offset = measured;
    if (!isNews) return;
    const seconds = Math.round(offset / 1000);
    parts.log.warn(
      { component: 'clock', seconds },
      'the clock of this machine differs from the database clock',
    );
  };
  await measure();
  const timer = setInterval(() => void measure().catch(() => undefined), measureMilliseconds);
  timer.unref();
  return { now: () => new Date(Date.now() + offset), [Symbol.dispose]: () => clearInterval(timer) };
}

/** Milliseconds that the database is ahead of us, as far as they matter. */
async function measureOffset(query: UnitOfWork['query']): Promise<number | undefined> {
  const { aheadMilliseconds: offset, tookMilliseconds } = await compareClocks(query);
  if (tookMilliseconds > toleratedMilliseconds) return undefined;
  return Math.abs(offset) < toleratedMilliseconds ? 0 : offset;
}

/** How far the database's clock is ahead of ours, and how long it took to say so. */
export async function compareClocks(query: UnitOfWork['query']) {
  const [asked, begin] = [Date.now(), performance.now()];
  const [row] = await query<{ now: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
  );
  const tookMilliseconds = performance.now() - begin;
  if (!row) throw new Error('the database has no time');
  return { aheadMilliseconds: row.now - (asked + tookMilliseconds / 2), tookMilliseconds };
}
