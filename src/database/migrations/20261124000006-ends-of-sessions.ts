/**
 * Announces two more ends of a session: its expiry is moved to an earlier time, or its row is deleted, also with its
 * user. Its last access token may be valid until then.
 */
import { Migration } from '@mikro-orm/migrations';

export class EndsOfSessions extends Migration {
  override name = '20261124000006-ends-of-sessions';

  override up(): void {
    this.addSql(`
      create or replace function announce_ended_sessions() returns trigger language plpgsql as $$
      begin
        perform announce('session', array(
          select a.id::text from before b join after a using (id)
          where a.ended_at is distinct from b.ended_at or a.expires_at < b.expires_at
            or a.user_id <> b.user_id limit 101
        ));
        return null;
      end $$`);
    // For clients of the revocation feed that were disconnected during the deletion.
    this.addSql(`
      create table deleted_sessions (
        id uuid primary key,
        deleted_at timestamptz(3) not null
      )`);
    this.addSql('create index deleted_sessions_deleted_at_index on deleted_sessions (deleted_at)');
    this.addSql(`
      create function remember_deleted_sessions() returns trigger language plpgsql as $$
      begin
        insert into deleted_sessions (id, deleted_at)
          select id, now() from changed
          where least(ended_at, expires_at) > now() - interval '20 minutes'
          on conflict do nothing;
        return null;
      end $$`);
    this.addSql(`
      create trigger sessions_remember_deleted after delete on sessions
        referencing old table as changed
        for each statement execute function remember_deleted_sessions()`);
  }
}
