/**
 * Wires the administration of users, groups, permissions and registrations. The audit log receives denied
 * changes; the log receives denied reads.
 */
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Audit } from '../audit/audit.ts';
import { withAuditedDenials, withLoggedDenials } from '../audit/denials.ts';
import type { PasswordRules } from '../authentication/apply-password.ts';
import type { PendingAccounts } from '../authentication/pending-accounts.ts';
import type { RegisteredAccounts } from '../authentication/registered-accounts.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { EraseUser } from '../profile/erase-user.ts';
import type { RegistrationsModule } from '../registrations/registrations.module.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Users } from '../users/users.ts';
import { type AccountRecovery, createAccountRecovery } from './account-recovery.ts';
import { createDirectory, type Directory } from './directory/directory.ts';
import { createExplain, type Explain } from './directory/explain.ts';
import { createLookup, type Lookup } from './directory/lookup.ts';
import { createGrants, type Grants } from './grants/grants.ts';
import { createUserGrants, type UserGrants } from './grants/user-grants.ts';
import { createGroupAdministration, type GroupAdministration } from './groups.ts';
import { createPermissionAdministration, type PermissionAdministration } from './permissions.ts';
import { type ActorPolicies, createActorPolicies } from './policies.ts';
import {
  createRegistrationAdministration,
  type RegistrationAdministration,
} from './registrations.ts';
import { createUserErasure, type UserErasure } from './user-erasure.ts';
import { createUserPolicies, type UserPolicies } from './user-policies.ts';
import { createUserAdministration, type UserAdministration } from './users.ts';

export interface AdministrationModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly registrations: Pick<
    RegistrationsModule,
    'pendingRegistrations' | 'assertIdentifiersFree'
  >;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly pendingAccounts: PendingAccounts;
  readonly registeredAccounts: RegisteredAccounts;
  readonly passwordRules: PasswordRules;
  readonly eraseUser: EraseUser;
}

export interface AdministrationModule {
  readonly users: UserAdministration;
  readonly groups: GroupAdministration;
  readonly permissions: PermissionAdministration;
  /** Single groups and permissions of one user. */
  readonly grants: UserGrants;
  readonly registrations: RegistrationAdministration;
  readonly accountRecovery: AccountRecovery;
  readonly userErasure: UserErasure;
  readonly directory: Directory;
  readonly explain: Explain;
  /** Ids by name. */
  readonly lookup: Lookup;
  /** The same services without the audit of denials, for operations that audit their denials themselves. */
  readonly withoutDenialAudit: AdministrationWithoutDenialAudit;
}

export interface AdministrationWithoutDenialAudit {
  readonly users: UserAdministration;
  readonly grants: UserGrants;
  readonly groups: GroupAdministration;
  readonly permissions: PermissionAdministration;
}

interface Policies {
  readonly grants: Grants;
  readonly policies: ActorPolicies;
  readonly userPolicies: UserPolicies;
}

export function createAdministrationModule(deps: AdministrationModuleDeps): AdministrationModule {
  const { unitOfWork, audit } = deps;
  const policies = createPolicies(deps);
  const withoutDenialAudit = createWithoutDenialAudit(deps, policies);
  const accountRecovery = wireAccountRecovery(deps, policies);
  const { userPolicies } = policies;
  const userErasure = createUserErasure({ unitOfWork, userPolicies, eraseUser: deps.eraseUser });
  return {
    users: withAuditedDenials(audit, withoutDenialAudit.users),
    grants: withAuditedDenials(audit, withoutDenialAudit.grants),
    groups: withAuditedDenials(audit, withoutDenialAudit.groups),
    permissions: withAuditedDenials(audit, withoutDenialAudit.permissions),
    registrations: withAuditedDenials(audit, wireRegistrations(deps, policies)),
    accountRecovery: withAuditedDenials(audit, accountRecovery),
    userErasure: withAuditedDenials(audit, userErasure),
    directory: withLoggedDenials(audit, ['FORBIDDEN'], createDirectory(unitOfWork)),
    explain: withLoggedDenials(audit, ['FORBIDDEN'], createExplain(unitOfWork)),
    lookup: withLoggedDenials(audit, ['FORBIDDEN'], createLookup(unitOfWork)),
    withoutDenialAudit,
  };
}

function createPolicies({ unitOfWork, users, audit }: AdministrationModuleDeps): Policies {
  const policies = createActorPolicies(unitOfWork);
  return {
    grants: createGrants(unitOfWork, audit),
    policies,
    userPolicies: createUserPolicies({ users, policies }),
  };
}

function createWithoutDenialAudit(
  deps: AdministrationModuleDeps,
  { grants, policies, userPolicies }: Policies,
): AdministrationWithoutDenialAudit {
  const { unitOfWork, clock, hasher, audit, users, oneTimePasswords, sessions } = deps;
  const userAdministration = createUserAdministration({
    unitOfWork,
    users,
    assertIdentifiersFree: deps.registrations.assertIdentifiersFree,
    grants,
    policies,
    userPolicies,
    oneTimePasswords,
    sessions,
    apiKeys: deps.apiKeys,
    hasher,
    audit,
    passwordRules: deps.passwordRules,
  });
  const userGrants = { unitOfWork, grants, policies, userPolicies, userAdministration, clock };
  return {
    users: userAdministration,
    grants: createUserGrants(userGrants),
    groups: createGroupAdministration({ unitOfWork, grants, policies }),
    permissions: createPermissionAdministration({ unitOfWork, policies }),
  };
}

function wireRegistrations(
  deps: AdministrationModuleDeps,
  { policies }: Policies,
): RegistrationAdministration {
  const { unitOfWork, users, registeredAccounts, audit } = deps;
  const { pendingRegistrations } = deps.registrations;
  return createRegistrationAdministration({
    unitOfWork,
    users,
    pendingRegistrations,
    registeredAccounts,
    policies,
    audit,
  });
}

function wireAccountRecovery(
  deps: AdministrationModuleDeps,
  { userPolicies }: Policies,
): AccountRecovery {
  const { unitOfWork, pendingAccounts, oneTimePasswords, sessions, audit } = deps;
  return createAccountRecovery({
    unitOfWork,
    userPolicies,
    pendingAccounts,
    oneTimePasswords,
    sessions,
    audit,
  });
}
