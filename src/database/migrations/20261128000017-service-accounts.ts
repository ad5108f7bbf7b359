/**
 * Service accounts, and API keys of service accounts and users. Triggers announce every change of their rights. A key
 * that becomes invalid is announced by its id, because access tokens of client_credentials depend on it.
 */
import { Migration } from '@mikro-orm/migrations';
import { v7 as uuidv7 } from 'uuid';

const verbs = ['view', 'add', 'change', 'delete'];

/** Columns that affect no right. */
const unannounced = "array['last_used_at', 'name', 'description']";

export class ServiceAccounts extends Migration {
  override name = '20261128000017-service-accounts';

  override up(): void {
    this.addTables();
    this.addPermissions();
    this.addRootRule();
    this.addAnnouncements();
    this.addKeyRules();
    // Not validated: a scan of a large table would block every writer until the end of the migration. The
    // constraint before it was stricter, so all rows are valid.
    this.addSql(`
      alter table audit_entries drop constraint audit_entries_actor_check,
        add constraint audit_entries_actor_check
          check (actor_kind in ('user', 'service-account', 'operator', 'anonymous', 'system')) not valid`);
    this.addSql(`
      do $$ declare own regprocedure; begin
        for own in
          select oid from pg_proc
          where pronamespace = quote_ident(current_schema())::regnamespace and proname in (
            'refuse_root_service_account', 'announce_changed_service_accounts',
            'announce_changed_api_keys', 'announce_deleted_api_keys', 'remember_deleted_api_keys',
            'revoke_api_keys_of_user')
        loop
          execute format('alter function %s set search_path = %I, pg_temp', own, current_schema());
        end loop;
      end $$`);
  }

  private addTables(): void {
    this.addSql(`
      create table service_accounts (
        id uuid primary key,
        client_id text not null constraint service_accounts_client_id_unique unique,
        name text not null,
        description text not null default '',
        disabled_at timestamptz(3) null,
        created_at timestamptz(3) not null,
        last_used_at timestamptz(3) null
      )`);
    this.addSql('create index service_accounts_name_index on service_accounts (name, id)');
    for (const [item, items] of [
      ['group', 'groups'],
      ['permission', 'permissions'],
    ]) {
      const table = `service_account_${items}`;
      this.addSql(`
        create table ${table} (
          service_account_id uuid not null references service_accounts (id) on delete cascade,
          ${item}_id uuid not null references ${items} (id) on delete cascade,
          primary key (service_account_id, ${item}_id)
        )`);
      this.addSql(`create index ${table}_${item}_index on ${table} (${item}_id)`);
    }
    this.addSql(`
      create table api_keys (
        id uuid primary key,
        user_id uuid null references users (id) on delete cascade,
        service_account_id uuid null references service_accounts (id) on delete cascade,
        name text not null,
        prefix text not null,
        digest bytea not null constraint api_keys_digest_unique unique
          constraint api_keys_digest_length check (length(digest) = 32),
        permissions text[] null,
        created_at timestamptz(3) not null,
        expires_at timestamptz(3) null,
        revoked_at timestamptz(3) null,
        last_used_at timestamptz(3) null,
        constraint api_keys_owner_check check (num_nonnulls(user_id, service_account_id) = 1)
      )`);
    for (const owner of ['user_id', 'service_account_id']) {
      this.addSql(
        `create index api_keys_${owner}_index on api_keys (${owner}) where ${owner} is not null`,
      );
    }
    this.addSql('create index api_keys_over_index on api_keys (least(revoked_at, expires_at))');
  }

  private addPermissions(): void {
    for (const verb of verbs) {
      this.addSql(
        `insert into permissions (id, codename, name, is_built_in)
         values ('${uuidv7()}', 'users.${verb}_service_account', 'Can ${verb} service accounts', true)
         on conflict (codename) do update set is_built_in = true`,
      );
    }
  }

  private addRootRule(): void {
    this.addSql(`
      create function refuse_root_service_account() returns trigger language plpgsql as $$
      begin
        if new.group_id = (select id from groups where name = 'Root') then
          raise exception 'a service account never belongs to the group Root'
            using errcode = 'restrict_violation';
        end if;
        return new;
      end $$`);
    this.addSql(`
      create trigger service_account_groups_check_root
        before insert or update on service_account_groups
        for each row execute function refuse_root_service_account()`);
  }

  private addAnnouncements(): void {
    this.addSql(`
      create function announce_changed_service_accounts() returns trigger language plpgsql as $$
      begin
        perform announce('service-account', array(
          select a.id::text from before b join after a using (id)
          where to_jsonb(a) - 'last_used_at' is distinct from to_jsonb(b) - 'last_used_at' limit 101
        ));
        perform announce('api-key', array(
          select k.id::text from before b join after a using (id)
            join api_keys k on k.service_account_id = a.id
          where b.disabled_at is null and a.disabled_at is not null and k.revoked_at is null limit 101
        ));
        return null;
      end $$`);
    this.addSql(`
      create function announce_changed_api_keys() returns trigger language plpgsql as $$
      begin
        perform announce('api-key', array(
          select a.id::text from before b join after a using (id)
          where to_jsonb(a) - ${unannounced} is distinct from to_jsonb(b) - ${unannounced} limit 101
        ));
        return null;
      end $$`);
    // Revoked keys were announced before. An owner can have more of them than are announced one by one.
    this.addSql(`
      create function announce_deleted_api_keys() returns trigger language plpgsql as $$
      begin
        perform announce('api-key', array(
          select id::text from changed
          where revoked_at is null and (expires_at is null or expires_at > now()) limit 101
        ));
        return null;
      end $$`);
    for (const table of ['service_accounts', 'api_keys']) {
      this.addSql(`
        create trigger ${table}_announce_update after update on ${table}
          referencing old table as before new table as after
          for each statement execute function announce_changed_${table}()`);
    }
    this.announce('service_accounts', 'service-account', 'id', ['delete']);
    this.addSql(`
      create trigger api_keys_announce_delete after delete on api_keys
        referencing old table as changed
        for each statement execute function announce_deleted_api_keys()`);
    this.announce('api_keys', 'api-key', 'id', []); // adds the trigger of TRUNCATE
    for (const table of ['service_account_groups', 'service_account_permissions']) {
      const operations = ['insert', 'update', 'delete'];
      this.announce(table, 'service-account', 'service_account_id', operations);
    }
  }

  private announce(
    table: string,
    kind: string,
    column: string,
    operations: readonly string[],
  ): void {
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

  private addKeyRules(): void {
    // The revocation feed sends ids of sessions and of keys: both are the `sid` of access tokens.
    this.addSql(`
      create function remember_deleted_api_keys() returns trigger language plpgsql as $$
      begin
        insert into deleted_sessions (id, deleted_at)
          select id, now() from changed
          where coalesce(least(revoked_at, expires_at), now()) > now() - interval '20 minutes'
          on conflict do nothing;
        return null;
      end $$`);
    this.addSql(`
      create trigger api_keys_remember_deleted after delete on api_keys
        referencing old table as changed
        for each statement execute function remember_deleted_api_keys()`);
    this.addSql(`
      create function revoke_api_keys_of_user() returns trigger language plpgsql as $$
      begin
        update api_keys set revoked_at = now() where user_id = new.id and revoked_at is null;
        return null;
      end $$`);
    this.addSql(`
      create trigger users_revoke_api_keys after update of status on users
        for each row when (old.status = 'ACTIVE' and new.status <> 'ACTIVE')
        execute function revoke_api_keys_of_user()`);
  }
}
