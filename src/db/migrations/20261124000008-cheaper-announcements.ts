/** Every login changes a user and is announced: that statement is planned once, not each time. */
import { Migration } from '@mikro-orm/migrations';

export class CheaperAnnouncements extends Migration {
  override name = '20261124000008-cheaper-announcements';

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
  }
}
