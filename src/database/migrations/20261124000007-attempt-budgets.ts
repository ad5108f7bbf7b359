/**
 * Where attempts are counted, in the form that rate-limiter-flexible reads and writes. Rows change
 * in place, again and again, and are gone soon after their time.
 */
import { Migration } from '@mikro-orm/migrations';

export class AttemptBudgets extends Migration {
  override name = '20261124000007-attempt-budgets';

  override up(): void {
    this.addSql(`
      create table attempt_budgets (
        key text primary key,
        points integer not null default 0,
        expire bigint
      ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`);
  }
}
