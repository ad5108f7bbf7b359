/** Wires the import of people. */
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AdministrationWithoutDenialAudit } from '../administration/administration.module.ts';
import type { Audit } from '../audit/audit.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { Users } from '../users/users.ts';
import { createPlanPeople } from './plan.ts';
import { createUserImports, type UserImports } from './user-imports.ts';
import { createComparePeople } from './writing/compare-people.ts';
import { createInsertPeople } from './writing/insert-people.ts';
import { createProtectLastSuperuser } from './writing/last-superuser.ts';
import { createImportPositions } from './writing/positions.ts';
import { createStoreBatch } from './writing/store-batch.ts';
import { createUpdatePeople } from './writing/update-people.ts';
import { createReuseWrappedHashes, createWrapWeakHashes } from './writing/weak-hashes.ts';

export interface UserImportModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly users: Users;
  readonly hasher: PasswordHasher;
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
    insertPeople: createInsertPeople(unitOfWork, audit),
    comparePeople: createComparePeople(unitOfWork),
    protectLastSuperuser: createProtectLastSuperuser(unitOfWork),
    updatePeople: createUpdatePeople(unitOfWork),
    wrapWeakHashes: createWrapWeakHashes(deps.hasher),
    reuseWrappedHashes: createReuseWrappedHashes(unitOfWork, deps.hasher),
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
