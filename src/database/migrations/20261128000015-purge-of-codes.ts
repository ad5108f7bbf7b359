/** An index for the purge of old one-time passwords. */
import { Migration } from '@mikro-orm/migrations';

export class PurgeOfCodes extends Migration {
  override name = '20261128000015-purge-of-codes';

  override up(): void {
    this.addSql(
      'create index one_time_passwords_over_index on one_time_passwords (least(ended_at, expires_at))',
    );
  }
}
