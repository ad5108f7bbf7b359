/**
 * Accounts keep the id that another system knows them by and the fields that only that system has. An interrupted
 * import continues at its position.
 */
import { Migration } from '@mikro-orm/migrations';
import { v7 as uuidv7 } from 'uuid';

export class MovingPeople extends Migration {
  override name = '20261129000018-moving-people';

  override up(): void {
    // The service limits metadata to 8 KiB. PostgreSQL writes a space after each comma and colon.
    this.addSql(`
      alter table users
        add column external_id text null,
        add column metadata jsonb not null default '{}'
          constraint users_metadata_check
            check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 16384)`);
    this.addSql(
      'create unique index users_external_id_unique on users (external_id) where external_id is not null',
    );
    // Finds the hashes whose verification takes another time than that of a current one.
    this.addSql(`
      create index password_hashes_other_scheme_index on password_hashes (user_id)
        where left(password_hash, 10) <> '$argon2id$'`);
    this.addSql(
      `insert into permissions (id, codename, name, is_built_in)
       values ('${uuidv7()}', 'users.erase_user', 'Can erase users', true)
       on conflict (codename) do update set is_built_in = true`,
    );
    this.addSql(`
      create table user_imports (
        id uuid primary key,
        digest bytea not null constraint user_imports_digest_length check (length(digest) = 32),
        options text not null,
        position integer not null default 0,
        counts jsonb not null default '{}',
        started_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        finished_at timestamptz(3) null
      )`);
    this.addSql(`
      create unique index user_imports_unfinished_unique on user_imports (digest, options)
        where finished_at is null`);
  }
}
