/**
 * Triggers announce every change of rights with NOTIFY, from any connection. Sessions end with their account. A
 * signing key has a time from which it signs.
 */
import { Migration } from '@mikro-orm/migrations';

type Operation = 'insert' | 'update' | 'delete';

const always = ['insert', 'update', 'delete'] as const;

/** Table, topic of the notification, column of the id, and the announced operations. */
const announced: readonly (readonly [string, string, string, readonly Operation[]])[] = [
  ['users', 'user', 'id', ['update', 'delete']],
  ['sessions', 'session', 'id', ['delete']],
  ['user_groups', 'user', 'user_id', always],
  ['user_permissions', 'user', 'user_id', always],
  ['groups', 'grants', 'id', ['update', 'delete']],
  ['group_permissions', 'grants', 'group_id', always],
  ['permissions', 'grants', 'id', always],
  ['signing_keys', 'signing-keys', 'id', always],
];

export class Changes extends Migration {
  override name = '20261124000002-changes';

  override up(): void {
    this.addSql('alter table sessions add column end_reason text null');
    this.addSql(
      "alter table signing_keys add column signs_from timestamptz(3) not null default '-infinity'",
    );
    this.addSql('alter table signing_keys alter column signs_from drop default');
    this.addSql(
      'create index sessions_ended_index on sessions (ended_at) where ended_at is not null',
    );
    this.addAnnouncements();
    this.addSessionRules();
  }

  /** One notification for each id; one without an id for a bulk change. */
  private addAnnouncements(): void {
    this.addSql(`
      create function announce(kind text, ids text[]) returns void language plpgsql as $$
      begin
        if cardinality(ids) = 0 then
          return;
        elsif kind in ('all', 'grants', 'signing-keys') then
          perform pg_notify('gatehouse_changes', kind);
        elsif cardinality(ids) > 100 then
          perform pg_notify('gatehouse_changes', 'all');
        else
          perform pg_notify('gatehouse_changes', kind || ':' || id) from unnest(ids) id;
        end if;
      end $$`);
    this.addSql(`
      create function announce_changes() returns trigger language plpgsql as $$
      declare ids text[];
      begin
        execute format('select array(select distinct %I::text from changed limit 101)', tg_argv[1])
          into ids;
        perform announce(tg_argv[0], ids);
        return null;
      end $$`);
    this.addSql(`
      create function announce_truncation() returns trigger language plpgsql as $$
      begin
        perform announce('all', array['']);
        return null;
      end $$`);
    for (const [table, kind, column, operations] of announced) {
      for (const operation of operations) {
        this.addSql(`
          create trigger ${table}_announce_${operation} after ${operation} on ${table}
            referencing ${operation === 'delete' ? 'old' : 'new'} table as changed
            for each statement execute function announce_changes('${kind}', '${column}')`);
      }
      this.addSql(`
        create trigger ${table}_announce_truncate after truncate on ${table}
          for each statement execute function announce_truncation()`);
    }
  }

  /** Only the end of a session is announced. A refresh changes the session too, but is not announced. */
  private addSessionRules(): void {
    this.addSql(`
      create function announce_ended_sessions() returns trigger language plpgsql as $$
      begin
        perform announce('session', array(
          select a.id::text from before b join after a using (id)
          where a.ended_at is distinct from b.ended_at or a.user_id <> b.user_id limit 101
        ));
        return null;
      end $$`);
    this.addSql(`
      create trigger sessions_announce_end after update on sessions
        referencing old table as before new table as after
        for each statement execute function announce_ended_sessions()`);
    this.addSql(`
      create function end_sessions_of_user() returns trigger language plpgsql as $$
      begin
        update sessions set ended_at = now(), end_reason = 'account-not-active'
          where user_id = new.id and ended_at is null;
        return null;
      end $$`);
    this.addSql(`
      create trigger users_end_sessions after update of status on users
        for each row when (old.status = 'ACTIVE' and new.status <> 'ACTIVE')
        execute function end_sessions_of_user()`);
  }
}
