/**
 * Rules that the database enforces as well: the members of Root are exactly the superusers, Root keeps its name, and
 * the names of deleted groups stay reserved. Users get the time at which their address was verified.
 */
import { Migration } from '@mikro-orm/migrations';
import { v7 as uuidv7 } from 'uuid';

export class AdministrationRules extends Migration {
  override name = '20261128000010-administration-rules';

  override up(): void {
    this.addSql('alter table users add column email_verified_at timestamptz(3) null');
    this.addSql("update users set email_verified_at = created_at where status <> 'PENDING'");
    this.repairRoot();
    this.addMembershipRules();
    this.addSuperuserRules();
    this.addGroupRules();
  }

  /** Creates Root if it is missing. Its members become exactly the superusers. */
  private repairRoot(): void {
    this.addSql(
      `insert into groups (id, name, description) values ('${uuidv7()}', 'Root', 'Superusers Group')
       on conflict do nothing`,
    );
    this.addSql(`
      insert into group_permissions (group_id, permission_id)
        select g.id, p.id from groups g, permissions p where g.name = 'Root' on conflict do nothing`);
    this.addSql(`
      delete from user_groups ug using groups g, users u
        where g.id = ug.group_id and g.name = 'Root' and u.id = ug.user_id and not u.is_superuser`);
    this.addSql(`
      insert into user_groups (user_id, group_id)
        select u.id, g.id from users u, groups g where u.is_superuser and g.name = 'Root'
        on conflict (user_id, group_id) do update set expires_at = null`);
  }

  /** Locks the row of the user, so that a concurrent change of `is_superuser` waits or is visible. */
  private addMembershipRules(): void {
    this.addSql(`
      create function check_root_member() returns trigger language plpgsql as $$
      declare root_id uuid; is_super boolean;
      begin
        select id into root_id from groups where name = 'Root';
        if tg_op <> 'INSERT' and old.group_id = root_id then
          select is_superuser into is_super from users where id = old.user_id for share;
          if is_super and (tg_op = 'DELETE' or new.group_id <> old.group_id
              or new.user_id <> old.user_id or new.expires_at is not null) then
            raise exception 'a superuser stays in the group Root'
              using errcode = 'restrict_violation';
          end if;
        end if;
        if tg_op = 'DELETE' then
          return old;
        end if;
        if new.group_id = root_id then
          select is_superuser into is_super from users where id = new.user_id for share;
          if is_super is not true or new.expires_at is not null then
            raise exception 'only superusers belong to the group Root, without an end'
              using errcode = 'restrict_violation';
          end if;
        end if;
        return new;
      end $$`);
    this.addSql(`
      create trigger user_groups_check_root before insert or update or delete on user_groups
        for each row execute function check_root_member()`);
  }

  private addSuperuserRules(): void {
    this.addSql(`
      create function join_or_leave_root() returns trigger language plpgsql as $$
      begin
        if new.is_superuser then
          insert into user_groups (user_id, group_id)
            select new.id, id from groups where name = 'Root' on conflict do nothing;
        else
          delete from user_groups ug using groups g
            where ug.user_id = new.id and g.id = ug.group_id and g.name = 'Root';
        end if;
        return null;
      end $$`);
    this.addSql(`
      create trigger users_join_root after insert on users
        for each row when (new.is_superuser) execute function join_or_leave_root()`);
    this.addSql(`
      create trigger users_join_or_leave_root after update of is_superuser on users
        for each row when (old.is_superuser <> new.is_superuser)
        execute function join_or_leave_root()`);
  }

  /** The name of a deleted or renamed group stays reserved, because applications identify groups by name. */
  private addGroupRules(): void {
    this.addSql(`
      create table retired_group_names (
        name text primary key,
        retired_at timestamptz(3) not null
      )`);
    this.addSql(`
      create function protect_group_name() returns trigger language plpgsql as $$
      begin
        if old.name = 'Root' then
          raise exception 'the group Root keeps its name and stays'
            using errcode = 'restrict_violation';
        end if;
        insert into retired_group_names (name, retired_at) values (old.name, now())
          on conflict do nothing;
        if tg_op = 'DELETE' then
          return old;
        end if;
        return new;
      end $$`);
    this.addSql(`
      create trigger groups_protect_deleted before delete on groups
        for each row execute function protect_group_name()`);
    this.addSql(`
      create trigger groups_protect_renamed before update of name on groups
        for each row when (old.name <> new.name) execute function protect_group_name()`);
  }
}
