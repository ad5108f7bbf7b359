/** The audit log: append-only entries in parallel chains, and keys that can be deleted. */
import { Migration } from '@mikro-orm/migrations';

/** The number of chains, and so of concurrent writers that do not wait for each other. */
const chains = 16;

export class Audit extends Migration {
  override name = '20261124000005-audit';

  override up(): void {
    this.addSql(`
      create table audit_entries (
        id uuid primary key,
        chain smallint not null,
        sequence bigint not null,
        at timestamptz(3) not null,
        action text not null,
        outcome text not null constraint audit_entries_outcome_check check (outcome in ('done', 'refused')),
        code text null,
        actor_kind text not null constraint audit_entries_actor_check
          check (actor_kind in ('user', 'operator', 'anonymous', 'system')),
        actor_id uuid null,
        target_type text null,
        target_id uuid null,
        request_id text null,
        subject_id uuid not null,
        details bytea not null,
        previous_mac bytea not null,
        mac bytea not null,
        constraint audit_entries_place_unique unique (chain, sequence)
      )`);
    for (const column of ['at', 'action', 'actor_id', 'target_id']) {
      const columns = column === 'at' ? 'at, id' : `${column}, at, id`;
      this.addSql(`create index audit_entries_${column}_index on audit_entries (${columns})`);
    }
    this.addSql(`
      create table audit_chains (
        chain smallint primary key,
        sequence bigint not null,
        mac bytea not null,
        head_mac bytea not null
      )`);
    this.addSql(
      `insert into audit_chains select chain, 0, '', '' from generate_series(1, ${chains}) chain`,
    );
    this.addSql(`
      create table audit_subject_keys (
        subject_id uuid primary key,
        sealed_key bytea not null
      )`);
    this.addSql(`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception 'the audit record can only be added to';
      end $$`);
    this.addSql(`
      create trigger audit_entries_append_only before update or delete on audit_entries
        for each row execute function refuse_change()`);
    this.addSql(`
      create trigger audit_entries_no_truncate before truncate on audit_entries
        for each statement execute function refuse_change()`);
  }
}
