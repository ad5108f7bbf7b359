/** An index to find the sessions of one user, for exports and erasures. */
import { Migration } from '@mikro-orm/migrations';

export class SessionsOfUsers extends Migration {
  override name = '20261128000013-sessions-of-users';

  override up(): void {
    this.addSql('create index sessions_user_id_index on sessions (user_id, created_at)');
  }
}
