/**
 * Registrations have a separate table. Pending registrations move there from the verification codes, with their
 * secrets. Users that were only registrations are removed, and every other user stays.
 */
import { Migration } from '@mikro-orm/migrations';

/** A user that only `register` created: it has no property that only an account has. */
const isRegistrationOnly = `
  u.status = 'PENDING' and not u.is_staff and not u.is_superuser
  and u.username is null and u.first_name = '' and u.last_name = ''
  and exists (select 1 from one_time_passwords o where o.user_id = u.id and o.registration is not null)
  and not exists (select 1 from one_time_passwords o where o.user_id = u.id and o.kind = 'invite')
  and not exists (select 1 from password_hashes h where h.user_id = u.id)
  and not exists (select 1 from user_groups g where g.user_id = u.id)
  and not exists (select 1 from user_permissions p where p.user_id = u.id)
  and not exists (select 1 from audit_entries e
    where e.target_id = u.id and e.action = 'user-created' and e.actor_kind in ('user', 'operator'))`;

export class Registrations extends Migration {
  override name = '20261128000009-registrations';

  override up(): void {
    this.addSql(`
      create table registrations (
        id uuid primary key,
        email text not null constraint registrations_email_canonical check (email = lower(email)),
        password_hash text not null,
        first_name text not null,
        last_name text not null,
        username text null,
        locale text null,
        code_id uuid not null,
        digest text not null constraint registrations_digest_unique unique,
        created_at timestamptz(3) not null,
        expires_at timestamptz(3) not null,
        mailed_at timestamptz(3) null
      )`);
    this.addSql('create index registrations_email_index on registrations (email)');
    this.addSql('create index registrations_created_index on registrations (created_at, id)');
    this.addSql('create index registrations_expiry_index on registrations (expires_at)');
    // The secret of a code is derived from the id of its row: with the same id mailed codes still work.
    this.addSql(`
      insert into registrations (id, email, password_hash, first_name, last_name, username, locale,
        code_id, digest, created_at, expires_at, mailed_at)
      select o.id, o.email, o.registration ->> 'passwordHash', o.registration ->> 'firstName',
        o.registration ->> 'lastName', o.registration ->> 'username', u.locale,
        o.id, o.digest, o.created_at, o.expires_at, o.created_at
      from one_time_passwords o join users u on u.id = o.user_id
      where o.kind = 'verify-email' and o.ended_at is null and o.registration is not null
        and o.email = u.email and ${isRegistrationOnly}`);
    this.addSql(`delete from users u where ${isRegistrationOnly}`);
    // An invited account would become active without a password by such a code.
    this.addSql(`
      update one_time_passwords o set ended_at = now()
      where o.registration is not null and o.ended_at is null
        and not exists (select 1 from password_hashes h where h.user_id = o.user_id)`);
    this.addSql('alter table one_time_passwords drop column registration, drop column is_resend');
  }
}
