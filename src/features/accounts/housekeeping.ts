/**
 * What nobody will ask for any more is removed: codes whose time is long over, and registrations that
 * were never confirmed, with the names and hashes that they brought. Accounts that somebody else made
 * or gave something stay.
 */
import { type Clock, secondsAfter } from '../../core/clock.ts';
import type { Tasks } from '../../db/job-tasks.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';

export interface Housekeeping {
  readonly tasks: Tasks;
  /** When which of the tasks is to be done, in crontab's notation. */
  readonly schedule: string;
}

const task = 'purge-registrations';
const batch = 1000;
/** So long after a code has ended, or could last be used. */
const keptDays = 30;

/** A waiting code of a registration stays as long as its account: it can be sent again. */
const deadCodes = `
  delete from one_time_passwords where id in (
    select id from one_time_passwords
    where least(ended_at, case when kind <> 'verify-email' then expires_at end) < ?
    limit ${batch} for update skip locked
  ) returning id`;

const forgottenRegistrations = `
  delete from users where id in (
    select u.id from users u
    where u.status = 'PENDING'
      and exists (select 1 from one_time_passwords o
        where o.user_id = u.id and o.registration is not null)
      and not exists (select 1 from one_time_passwords o
        where o.user_id = u.id and (o.kind = 'invite' or o.expires_at >= ?))
      and not exists (select 1 from user_groups g where g.user_id = u.id)
      and not exists (select 1 from user_permissions p where p.user_id = u.id)
    limit ${batch} for update skip locked
  ) returning id`;

export function createHousekeeping(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
}): Housekeeping {
  const { query, run } = parts.unitOfWork;

  const removeAll = async (sql: string): Promise<void> => {
    const before = secondsAfter(parts.clock(), -keptDays * 86_400);
    while ((await run(() => query(sql, [before]))).length === batch);
  };

  return {
    tasks: {
      // Accounts first: what says that one was registered goes with the codes.
      [task]: async () => {
        await removeAll(forgottenRegistrations);
        await removeAll(deadCodes);
      },
    },
    schedule: `23 3 * * * ${task}`,
  };
}
