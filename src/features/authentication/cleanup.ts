/**
 * Removes codes whose time is long over, and registrations that were never confirmed, with their names
 * and hashes. Accounts stay.
 */
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';

export interface Cleanup {
  readonly tasks: Tasks;
  /** When which of the tasks is to be done, in crontab's notation. */
  readonly schedule: string;
}

const task = 'purge-registrations';
const batch = 1000;
/** So long after a code has ended, or could last be used. */
const keptDays = 30;

const deadCodes = `
  delete from one_time_passwords where id in (
    select id from one_time_passwords where least(ended_at, expires_at) < ?
    limit ${batch} for update skip locked
  ) returning id`;

/** Until then an expired registration can be sent again. */
const forgottenRegistrations = `
  delete from registrations where id in (
    select id from registrations where expires_at < ?
    limit ${batch} for update skip locked
  ) returning id`;

export function createCleanup(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
}): Cleanup {
  const { query, transaction } = parts.unitOfWork;

  const removeAll = async (sql: string): Promise<void> => {
    const before = secondsAfter(parts.clock(), -keptDays * 86_400);
    while ((await transaction(() => query(sql, [before]))).length === batch);
  };

  return {
    tasks: {
      [task]: async () => {
        await removeAll(forgottenRegistrations);
        await removeAll(deadCodes);
      },
    },
    schedule: `23 3 * * * ${task}`,
  };
}
