/** Wires the import of people. */
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AdministrationWithoutDenialAudit } from '../administration/administration.module.ts';
import type { Audit } from '../audit/audit.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { Users } from '../users/users.ts';
import { createInsertPeople } from './insert-people.ts';
import { createPlanPeople } from './plan.ts';
import { createImportPositions } from './positions.ts';
import { createStoreBatch } from './store-batch.ts';
import { createUserImports, type UserImports } from './user-imports.ts';

export interface UserImportModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly users: Users;
  readonly addresses: Addresses;
  readonly administration: Pick<AdministrationWithoutDenialAudit, 'groups' | 'permissions'>;
}

export interface UserImportModule {
  readonly userImports: UserImports;
}

export function createUserImportModule(deps: UserImportModuleDeps): UserImportModule {
  const { unitOfWork, clock, audit, users, addresses, administration } = deps;
  const positions = createImportPositions({ unitOfWork, clock });
  const storeBatch = createStoreBatch({
    unitOfWork,
    clock,
    audit,
    users,
    addresses,
    positions,
    planPeople: createPlanPeople(unitOfWork),
    insertPeople: createInsertPeople(unitOfWork),
  });
  return {
    userImports: createUserImports({
      unitOfWork,
      clock,
      audit,
      positions,
      storeBatch,
      groupAdministration: administration.groups,
      permissionAdministration: administration.permissions,
    }),
  };
}
