/**
 * Speed with many users and logins. The statement that announces the change of a user at every login is planned
 * once. A search reads no pending list of its index.
 */
import { Migration } from '@mikro-orm/migrations';

export class SteadySpeed extends Migration {
  override name = '20261124000008-steady-speed';

  override up(): void {
    this.addSql(`
      create function announce_changed_users() returns trigger language plpgsql as $$
      begin
        perform announce('user', array(select id::text from changed limit 101));
        return null;
      end $$`);
    this.addSql('drop trigger users_announce_update on users');
    this.addSql(`
      create trigger users_announce_update after update on users
        referencing new table as changed
        for each statement execute function announce_changed_users()`);
    this.addSql('alter index users_search_index set (fastupdate = off)');
    this.addSql("select gin_clean_pending_list('users_search_index')");
  }
}
