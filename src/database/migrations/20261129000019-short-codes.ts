/** Counts the wrong attempts with the short code of a registration or of a verification code. */
import { Migration } from '@mikro-orm/migrations';

export class ShortCodes extends Migration {
  override name = '20261129000019-short-codes';

  override up(): void {
    for (const table of ['registrations', 'one_time_passwords']) {
      this.addSql(`alter table ${table} add column failed_short_codes smallint not null default 0`);
    }
  }
}
