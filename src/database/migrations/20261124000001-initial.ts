/** Accounts, one-time passwords, sessions, groups and permissions, with the built-in rows. */
import { Migration } from '@mikro-orm/migrations';
import { v7 as uuidv7 } from 'uuid';

const builtInPermissions = ['user', 'group', 'permission'].flatMap((thing) =>
  ['view', 'add', 'change', 'delete'].map((verb) => ({
    codename: `users.${verb}_${thing}`,
    name: `Can ${verb} ${thing}s`,
  })),
);

export class Initial extends Migration {
  override name = '20261124000001-initial';

  override up(): void {
    this.addSql(`
      create table users (
        id uuid primary key,
        email text not null constraint users_email_unique unique
          constraint users_email_canonical check (email = lower(email)),
        username text null,
        first_name text not null default '',
        last_name text not null default '',
        status text not null
          constraint users_status_check check (status in ('PENDING', 'ACTIVE', 'DISABLED')),
        is_staff boolean not null default false,
        is_superuser boolean not null default false,
        pending_email text null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        last_login_at timestamptz(3) null
      )`);
    this.addSql('create unique index users_username_unique on users (lower(username))');
    this.addSql(`
      create table password_hashes (
        user_id uuid primary key references users (id) on delete cascade,
        password_hash text not null,
        updated_at timestamptz(3) not null
      )`);
    this.addSql(`
      create table one_time_passwords (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        kind text not null constraint one_time_passwords_kind_check
          check (kind in ('verify-email', 'reset-password', 'change-email', 'invite')),
        digest text not null constraint one_time_passwords_digest_unique unique,
        email text not null,
        registration jsonb null,
        is_resend boolean not null default false,
        created_at timestamptz(3) not null,
        expires_at timestamptz(3) not null,
        ended_at timestamptz(3) null
      )`);
    this.addSql(
      'create index one_time_passwords_live_index on one_time_passwords (user_id, kind) where ended_at is null',
    );
    this.addSql(`
      create table sessions (
        id uuid primary key,
        user_id uuid not null references users (id) on delete cascade,
        refresh_counter int not null default 0,
        created_at timestamptz(3) not null,
        last_used_at timestamptz(3) not null,
        expires_at timestamptz(3) not null,
        ended_at timestamptz(3) null,
        ip_address text not null,
        user_agent text not null
      )`);
    this.addSql('create index sessions_live_index on sessions (user_id) where ended_at is null');
    this.addSql(`
      create table signing_keys (
        id uuid primary key,
        public_jwk jsonb not null,
        sealed_private_key bytea not null,
        created_at timestamptz(3) not null
      )`);
    this.addSql(`
      create table permissions (
        id uuid primary key,
        codename text not null constraint permissions_codename_unique unique,
        name text not null,
        is_built_in boolean not null default false
      )`);
    this.addSql(`
      create table groups (
        id uuid primary key,
        name text not null constraint groups_name_unique unique,
        description text not null default ''
      )`);
    this.addPivot('user_groups', ['user', 'users'], ['group', 'groups']);
    this.addPivot('user_permissions', ['user', 'users'], ['permission', 'permissions']);
    this.addPivot('group_permissions', ['group', 'groups'], ['permission', 'permissions']);
    this.addBuiltIns();
  }

  private addPivot(
    table: string,
    [owner, owners]: readonly [string, string],
    [item, items]: readonly [string, string],
  ): void {
    this.addSql(`
      create table ${table} (
        ${owner}_id uuid not null references ${owners} (id) on delete cascade,
        ${item}_id uuid not null references ${items} (id) on delete cascade,
        primary key (${owner}_id, ${item}_id)
      )`);
    this.addSql(`create index ${table}_${item}_index on ${table} (${item}_id)`);
  }

  /** The Root group holds every permission; a trigger adds new permissions to it. */
  private addBuiltIns(): void {
    this.addSql(
      `insert into groups (id, name, description) values ('${uuidv7()}', 'Root', 'Superusers Group')`,
    );
    this.addSql(`
      create function add_permission_to_root() returns trigger language plpgsql as $$
      begin
        insert into group_permissions (group_id, permission_id)
          select id, new.id from groups where name = 'Root'
          on conflict do nothing;
        return null;
      end $$`);
    this.addSql(`
      create trigger permissions_add_to_root after insert on permissions
        for each row execute function add_permission_to_root()`);
    for (const { codename, name } of builtInPermissions) {
      this.addSql(
        `insert into permissions (id, codename, name, is_built_in) values ('${uuidv7()}', '${codename}', '${name}', true)`,
      );
    }
  }
}
