/**
 * A job that deletes old codes and old pending registrations, with their names and hashes. It never deletes
 * accounts.
 */
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';

export interface CodeAndRegistrationCleanup {
  readonly tasks: Tasks;
  /** When the task runs, in crontab format. */
  readonly schedule: string;
}

/** Deletes codes too. Queued jobs have this name, so it does not change. */
const task = 'purge-registrations';
const batch = 1000;
/** After a code has ended or a code or registration has expired. */
const retentionDays = 30;

const deleteCodes = `
  delete from one_time_passwords where id in (
    select id from one_time_passwords where least(ended_at, expires_at) < ?
    limit ${batch} for update skip locked
  ) returning id`;

/** An expired registration can get a new code until its deletion. */
const deleteRegistrations = `
  delete from registrations where id in (
    select id from registrations where expires_at < ?
    limit ${batch} for update skip locked
  ) returning id`;

export function createCodeAndRegistrationCleanup(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
}): CodeAndRegistrationCleanup {
  const { query, transaction } = deps.unitOfWork;

  const removeAll = async (sql: string): Promise<void> => {
    const before = secondsAfter(deps.clock(), -retentionDays * 86_400);
    while ((await transaction(() => query(sql, [before]))).length === batch);
  };

  return {
    tasks: {
      [task]: async () => {
        await removeAll(deleteRegistrations);
        await removeAll(deleteCodes);
      },
    },
    schedule: `23 3 * * * ${task}`,
  };
}
