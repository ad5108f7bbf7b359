/** Wires the reading of the audit log. */
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Lookup } from '../administration/directory/lookup.ts';
import type { Audit } from '../audit/audit.ts';
import { withLoggedDenials } from '../audit/denials.ts';
import { type AuditEntries, createAuditEntries } from './entries.ts';
import { type AuditNames, createAuditNames } from './names.ts';

export interface AuditLogModuleDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
  readonly audit: Audit;
  readonly lookup: Lookup;
}

export interface AuditLogModule {
  readonly entries: AuditEntries;
  /** Adds the names of accounts, groups and permissions to entries. */
  readonly names: AuditNames;
}

export function createAuditLogModule(deps: AuditLogModuleDeps): AuditLogModule {
  const { audit, lookup } = deps;
  const { query } = deps.unitOfWork;
  const entries = createAuditEntries({ query, subjectKeys: audit.subjectKeys });
  return {
    entries: withLoggedDenials(audit, ['FORBIDDEN'], entries),
    names: createAuditNames({ query, lookup }),
  };
}
