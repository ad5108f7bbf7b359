/** Wires the services for operators: the mail queue, and accounts created on the command line. */
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import type { PasswordRules } from '../authentication/apply-password.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { AssertIdentifiersFree } from '../registrations/identifiers.ts';
import type { Users } from '../users/users.ts';
import { createMailQueue, type MailQueue } from './mail-queue.ts';
import {
  createProvisioning,
  createProvisioningChecks,
  type Provisioning,
  type ProvisioningChecks,
} from './provisioning.ts';

export interface OperationsModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly users: Users;
  readonly assertIdentifiersFree: AssertIdentifiersFree;
  readonly oneTimePasswords: OneTimePasswords;
  readonly passwordRules: PasswordRules;
}

export interface OperationsModule {
  readonly mailQueue: MailQueue;
  readonly provisioning: Provisioning;
  /** Checks single answers of a prompt before the account is created. */
  readonly provisioningChecks: ProvisioningChecks;
}

export function createOperationsModule(deps: OperationsModuleDeps): OperationsModule {
  const { unitOfWork, hasher, users, oneTimePasswords, passwordRules } = deps;
  return {
    mailQueue: createMailQueue(unitOfWork, deps.audit),
    provisioning: createProvisioning({
      unitOfWork,
      users,
      assertIdentifiersFree: deps.assertIdentifiersFree,
      oneTimePasswords,
      hasher,
      passwordRules,
    }),
    provisioningChecks: createProvisioningChecks({ unitOfWork, passwordRules }),
  };
}
