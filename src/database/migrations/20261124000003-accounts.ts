/** The language of the mails of an account, and the index for the count of recent mails of one kind. */
import { Migration } from '@mikro-orm/migrations';

export class Accounts extends Migration {
  override name = '20261124000003-accounts';

  override up(): void {
    this.addSql('alter table users add column locale text null');
    this.addSql(
      'create index one_time_passwords_recent_index on one_time_passwords (user_id, kind, created_at)',
    );
  }
}
