/**
 * The table of counted attempts, in the format of rate-limiter-flexible. Rows are updated often, and deleted soon
 * after they expire.
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
