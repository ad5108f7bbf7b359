/** Wires pending registrations, the short codes of mails, and the ownership of addresses. */
import type { Clock } from '../../core/time.ts';
import type { OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { WriteMail } from '../../mail/templates/templates.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Users } from '../users/users.ts';
import { type Addresses, createAddresses } from './addresses.ts';
import { type AssertIdentifiersFree, createAssertIdentifiersFree } from './identifiers.ts';
import { createRegistrationMails, type WriteRegistrationMail } from './registrations.mails.ts';
import { createPendingRegistrations, type PendingRegistrations } from './registrations.ts';
import { createShortCodes, type ShortCodes } from './short-codes.ts';

const mailCooldownSeconds = 60;

export interface RegistrationsModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly attemptLimits: AttemptLimits;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly secrets: OneTimeSecrets;
  readonly publicUrl: string;
  readonly writeMail: WriteMail;
  readonly verifyCodeTtlSeconds: number;
}

export interface RegistrationsModule {
  readonly pendingRegistrations: PendingRegistrations;
  readonly addresses: Addresses;
  readonly assertIdentifiersFree: AssertIdentifiersFree;
  readonly shortCodes: ShortCodes;
  readonly writeRegistrationMail: WriteRegistrationMail;
}

export function createRegistrationsModule(deps: RegistrationsModuleDeps): RegistrationsModule {
  const { unitOfWork, clock, secrets, users, oneTimePasswords, verifyCodeTtlSeconds } = deps;
  const { attemptLimits } = deps;
  const pendingRegistrations = createPendingRegistrations({
    unitOfWork,
    secrets,
    clock,
    verifyCodeTtlSeconds,
    mailCooldownSeconds,
    attemptLimits,
  });
  const addresses = createAddresses({
    unitOfWork,
    users,
    registrations: pendingRegistrations,
    oneTimePasswords,
  });
  return {
    pendingRegistrations,
    addresses,
    assertIdentifiersFree: createAssertIdentifiersFree({ users, addresses }),
    shortCodes: createShortCodes({ unitOfWork, users, secrets, attemptLimits, clock }),
    writeRegistrationMail: createRegistrationMails({
      unitOfWork,
      secrets,
      clock,
      publicUrl: deps.publicUrl,
      writeMail: deps.writeMail,
      verifyCodeTtlSeconds,
    }),
  };
}
