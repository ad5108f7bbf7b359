/**
 * For a database with a million users: purges find old rows by an index, and only changes of rights are announced.
 * Functions find their tables with any search_path of the caller.
 */
import { Migration } from '@mikro-orm/migrations';

export class DatabaseSpeed extends Migration {
  override name = '20261128000013-database-speed';

  override up(): void {
    this.addSql('create index sessions_over_index on sessions (least(ended_at, expires_at))');
    // The time of the login affects no right; every other column, also one of a later release, can.
    this.addSql(`
      create or replace function announce_changed_users() returns trigger language plpgsql as $$
      begin
        perform announce('user', array(
          select a.id::text from before b join after a using (id)
          where to_jsonb(a) - 'last_login_at' is distinct from to_jsonb(b) - 'last_login_at' limit 101
        ));
        return null;
      end $$`);
    this.addSql('drop trigger users_announce_update on users');
    this.addSql(`
      create trigger users_announce_update after update on users
        referencing old table as before new table as after
        for each statement execute function announce_changed_users()`);
    this.addSql(`
      do $$ declare own regprocedure; begin
        for own in
          select oid from pg_proc
          where pronamespace = quote_ident(current_schema())::regnamespace and proname in (
            'add_permission_to_root', 'announce', 'announce_changes', 'announce_truncation',
            'announce_changed_users', 'announce_ended_sessions', 'end_sessions_of_user',
            'remember_deleted_sessions', 'refuse_change', 'check_root_member', 'join_or_leave_root',
            'protect_group_name')
        loop
          execute format('alter function %s set search_path = %I, pg_temp', own, current_schema());
        end loop;
      end $$`);
  }
}
