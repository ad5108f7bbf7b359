/** Wires service accounts and the management of API keys. The audit log receives denied changes. */
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { createGrants } from '../administration/grants/grants.ts';
import { createActorPolicies } from '../administration/policies.ts';
import { createUserPolicies } from '../administration/user-policies.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Audit } from '../audit/audit.ts';
import { withAuditedDenials, withLoggedDenials } from '../audit/denials.ts';
import type { Users } from '../users/users.ts';
import { createKeyManagement, type KeyManagement } from './key-management.ts';
import {
  createServiceAccountAdministration,
  createServiceAccountDirectory,
  type ServiceAccountAdministration,
  type ServiceAccountDirectory,
} from './service-accounts.ts';

export interface ServiceAccountsModule {
  readonly serviceAccounts: ServiceAccountAdministration;
  readonly serviceAccountDirectory: ServiceAccountDirectory;
  readonly keyManagement: KeyManagement;
}

export function createServiceAccountsModule(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly audit: Audit;
  readonly apiKeys: ApiKeys;
  readonly users: Users;
  readonly clock: Clock;
}): ServiceAccountsModule {
  const { unitOfWork, audit, apiKeys, users, clock } = deps;
  const grants = createGrants(unitOfWork, audit);
  const policies = createActorPolicies(unitOfWork);
  const userPolicies = createUserPolicies({ users, policies });
  const administration = { unitOfWork, grants, policies, clock };
  const keys = { unitOfWork, apiKeys, users, policies, userPolicies, clock };
  return {
    serviceAccounts: withAuditedDenials(audit, createServiceAccountAdministration(administration)),
    serviceAccountDirectory: withLoggedDenials(
      audit,
      ['FORBIDDEN'],
      createServiceAccountDirectory(unitOfWork),
    ),
    keyManagement: withAuditedDenials(audit, createKeyManagement(keys)),
  };
}
