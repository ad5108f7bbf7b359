/** Administration: indexes for every order and search, and memberships with an end. */
import { Migration } from '@mikro-orm/migrations';
import { v7 as uuidv7 } from 'uuid';

export class Administration extends Migration {
  override name = '20261124000004-administration';

  override up(): void {
    this.addSql('create extension if not exists pg_trgm');
    this.addSql(`
      alter table users add column search_text text not null generated always as (
        lower(email || ' ' || coalesce(username, '') || ' ' || first_name || ' ' || last_name)
      ) stored`);
    this.addSql('create index users_search_index on users using gin (search_text gin_trgm_ops)');
    this.addSql('create index users_created_index on users (created_at, id)');
    this.addSql('create index users_updated_index on users (updated_at, id)');
    this.addSql('create index users_status_index on users (status, created_at, id)');
    this.addSql('create index users_staff_index on users (created_at, id) where is_staff');
    this.addSql('create index users_superuser_index on users (created_at, id) where is_superuser');
    this.addSql('alter table user_groups add column expires_at timestamptz(3) null');
    this.addSql(
      'create index user_groups_expiry_index on user_groups (expires_at) where expires_at is not null',
    );
    this.addSql(
      `insert into permissions (id, codename, name, is_built_in)
       values ('${uuidv7()}', 'audit.view_entry', 'Can view the audit record', true)`,
    );
  }
}
