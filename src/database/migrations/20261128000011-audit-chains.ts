/**
 * Audit chains begin with a signed entry, and the client of an entry is sealed separately from its details. Only
 * `migrate` signs, in the transaction of this migration. The MikroORM command line is rejected, because it would leave
 * chains without a first entry.
 */
import { Migration } from '@mikro-orm/migrations';

export const auditChainsMigration = '20261128000011-audit-chains';

export class AuditChains extends Migration {
  override name = auditChainsMigration;

  override up(): void {
    this.addSql(`
      do $$ begin
        if coalesce(current_setting('gatehouse.migrate', true), '') <> 'on' then
          raise exception 'use "gatehouse migrate": it signs the audit chains with SECRET_KEY';
        end if;
      end $$`);
    this.addSql('alter table audit_entries add column client bytea null');
  }
}
