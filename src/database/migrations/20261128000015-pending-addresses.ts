/** An index to find the accounts with a pending change to an address. */
import { Migration } from '@mikro-orm/migrations';

export class PendingAddresses extends Migration {
  override name = '20261128000015-pending-addresses';

  override up(): void {
    this.addSql(
      'create index users_pending_email_index on users (pending_email) where pending_email is not null',
    );
  }
}
