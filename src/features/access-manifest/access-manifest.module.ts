/** Wires the comparison, the application and the export of an access manifest. */
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AdministrationWithoutDenialAudit } from '../administration/administration.module.ts';
import type { Audit } from '../audit/audit.ts';
import { withAuditedDenials } from '../audit/denials.ts';
import { createManifestApply, type ManifestApply } from './apply.ts';
import { createExportAccess, type ExportAccess } from './export.ts';

export interface AccessManifestModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly audit: Audit;
  /** Without the audit of denials: a denied `apply` is one entry of its own. */
  readonly administration: Pick<
    AdministrationWithoutDenialAudit,
    'grants' | 'groups' | 'permissions'
  >;
}

export interface AccessManifestModule {
  readonly manifest: ManifestApply;
  readonly exportAccess: ExportAccess;
}

export function createAccessManifestModule(deps: AccessManifestModuleDeps): AccessManifestModule {
  const { grants, groups, permissions } = deps.administration;
  const manifest = createManifestApply({
    unitOfWork: deps.unitOfWork,
    userGrants: grants,
    groupAdministration: groups,
    permissionAdministration: permissions,
  });
  return {
    manifest: {
      ...withAuditedDenials(deps.audit, manifest),
      compareAccess: manifest.compareAccess, // a comparison writes nothing
    },
    exportAccess: createExportAccess(deps.unitOfWork),
  };
}
