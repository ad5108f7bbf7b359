/**
 * Functions for writes that need one statement: a login, an entry of the audit log, a registration. A function sees in
 * each of its statements what was committed before, also after it has waited for a lock. A single SQL statement does
 * not: two logins at the limit of sessions would each count the sessions without the other one.
 */
import { Migration } from '@mikro-orm/migrations';

export class WriteFunctions extends Migration {
  override name = '20261128000016-write-functions';

  override up(): void {
    this.addAppendAuditEntries();
    this.addLogIn();
    this.addAddRegistration();
    this.addSql(`
      do $$ declare own regprocedure; begin
        for own in
          select oid from pg_proc
          where pronamespace = quote_ident(current_schema())::regnamespace
            and proname in ('append_audit_entries', 'log_in', 'add_registration')
        loop
          execute format('alter function %s set search_path = %I, pg_temp', own, current_schema());
        end loop;
      end $$`);
  }

  /**
   * Adds signed entries to the end of a chain. Returns false when the chain has another end or another transaction
   * holds it: then the entries were signed for an end that is not the last one.
   */
  private addAppendAuditEntries(): void {
    this.addSql(`
      create function append_audit_entries(continuation jsonb) returns boolean language plpgsql as $$
      declare
        known audit_chains := jsonb_populate_record(null::audit_chains, continuation->'end');
        next audit_chains := jsonb_populate_record(null::audit_chains, continuation->'next');
      begin
        perform from audit_chains c
        where c.chain = known.chain and c.sequence = known.sequence
          and c.mac = known.mac and c.head_mac = known.head_mac
        for update skip locked;
        if not found then
          return false;
        end if;
        insert into audit_entries (
          id, chain, sequence, at, action, outcome, code, actor_kind, actor_id, target_type, target_id,
          request_id, subject_id, details, client, previous_mac, mac)
        select
          id, chain, sequence, at, action, outcome, code, actor_kind, actor_id, target_type, target_id,
          request_id, subject_id, details, client, previous_mac, mac
        from jsonb_populate_recordset(null::audit_entries, continuation->'entries');
        update audit_chains c set sequence = next.sequence, mac = next.mac, head_mac = next.head_mac
        where c.chain = known.chain;
        return true;
      end $$`);
  }

  /**
   * Writes a login: its time, the session, the end of the sessions beyond the limit, a hash with newer parameters, and
   * the entries of the audit log. It writes all of this, with the outcome 'appended', or nothing. The entries name
   * the number of ended sessions, so another number is the outcome 'rejected', with that number. The outcome is
   * 'denied' when the account is not active or has another hash.
   *
   * Locks are taken in the order of all transactions: user, sessions, chain.
   */
  private addLogIn(): void {
    this.addSql(`
      create function log_in(
        account_id uuid, verified_hash text, newer_hash text,
        session_id uuid, logged_in_at timestamptz, session_expires_at timestamptz,
        client_ip_address text, client_network text, client_user_agent text,
        session_limit integer, ended_sessions integer, continuation jsonb,
        out outcome text, out ended integer, out account users
      ) language plpgsql as $$
      declare
        surplus uuid[];
      begin
        select * into account from users where id = account_id for no key update;
        if account.status is distinct from 'ACTIVE' or not exists (
          select from password_hashes where user_id = account_id and password_hash = verified_hash
        ) then
          outcome := 'denied';
          return;
        end if;
        select coalesce(array_agg(id), '{}') into surplus from (
          select id from sessions where ended_at is null and id in (
            select id from sessions
            where user_id = account_id and ended_at is null and expires_at > logged_in_at
            order by last_used_at desc, id desc offset session_limit - 1
          ) for update
        ) locked;
        ended := cardinality(surplus);
        if ended <> ended_sessions then
          outcome := 'rejected';
          return;
        end if;
        if not append_audit_entries(continuation) then
          outcome := 'chain-moved';
          return;
        end if;
        update users set last_login_at = logged_in_at where id = account_id returning * into account;
        insert into sessions (
          id, user_id, refresh_counter, created_at, last_used_at, expires_at, ip_address, network, user_agent)
        values (
          session_id, account_id, 0, logged_in_at, logged_in_at, session_expires_at,
          client_ip_address, client_network, client_user_agent);
        if ended > 0 then
          update sessions set ended_at = logged_in_at, end_reason = 'session-limit' where id = any(surplus);
        end if;
        if newer_hash is not null then
          update password_hashes set password_hash = newer_hash, updated_at = logged_in_at
          where user_id = account_id;
        end if;
        outcome := 'appended';
      end $$`);
  }

  /** Adds a registration, unless its address has as many with a live code as the limit allows. */
  private addAddRegistration(): void {
    this.addSql(`
      create function add_registration(
        new_id uuid, new_email text, new_password_hash text, new_first_name text, new_last_name text,
        new_username text, new_locale text, new_digest text, added_at timestamptz, code_expires_at timestamptz,
        live_limit integer
      ) returns void language plpgsql as $$
      begin
        -- The lock of the address that transactions take.
        perform pg_advisory_xact_lock(hashtextextended('email:' || new_email, 0));
        insert into registrations (
          id, email, password_hash, first_name, last_name, username, locale, code_id, digest, created_at, expires_at)
        select
          new_id, new_email, new_password_hash, new_first_name, new_last_name, new_username, new_locale,
          new_id, new_digest, added_at, code_expires_at
        where (
          select count(*) from registrations where email = new_email and expires_at > added_at
        ) < live_limit;
      end $$`);
  }
}
