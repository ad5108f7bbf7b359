/** Wires login, registration, verification of addresses, passwords, and the mails of these operations. */
import type { Clock } from '../../core/time.ts';
import type { OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { ComposeMail } from '../../mail/outbox.ts';
import type { WriteMail } from '../../mail/templates/templates.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Audit } from '../audit/audit.ts';
import { withLoggedDenials } from '../audit/denials.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { RegistrationsModule } from '../registrations/registrations.module.ts';
import type { SessionsModule } from '../sessions/sessions.module.ts';
import type { Users } from '../users/users.ts';
import { type AddressNotices, createAddressNotices } from './address-notices.ts';
import type { PasswordRules } from './apply-password.ts';
import { createAccountMails } from './authentication.mails.ts';
import {
  type CodeAndRegistrationCleanup,
  createCodeAndRegistrationCleanup,
} from './code-and-registration-cleanup.ts';
import { type CheckCode, createCheckCode } from './consume-code.ts';
import { createEmailVerification, type EmailVerification } from './email-verification.ts';
import { createLogin, type Login } from './login.ts';
import { createPasswordChange, type PasswordChange } from './password-change.ts';
import { createPasswordReset, type PasswordReset } from './password-reset.ts';
import { createPendingAccounts, type PendingAccounts } from './pending-accounts.ts';
import { createReauthentication, type Reauthentication } from './reauthentication.ts';
import { createRegisteredAccounts, type RegisteredAccounts } from './registered-accounts.ts';
import { createRegistrations, type Registrations } from './registration.ts';

export interface AuthenticationModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly hasher: PasswordHasher;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly secrets: OneTimeSecrets;
  readonly registrations: RegistrationsModule;
  readonly sessions: Pick<SessionsModule, 'sessions' | 'createSession' | 'tokens'>;
  readonly apiKeys: ApiKeys;
  readonly passwordRules: PasswordRules;
  readonly publicUrl: string;
  readonly writeMail: WriteMail;
}

export interface AuthenticationModule {
  readonly login: Login;
  readonly registrations: Registrations;
  readonly emailVerification: EmailVerification;
  readonly passwordReset: PasswordReset;
  readonly passwordChange: PasswordChange;
  readonly checkCode: CheckCode;
  readonly reauthentication: Reauthentication;
  readonly pendingAccounts: PendingAccounts;
  readonly registeredAccounts: RegisteredAccounts;
  readonly composeMail: ComposeMail;
  readonly cleanup: CodeAndRegistrationCleanup;
}

/** Services that the operations of this feature share. */
interface Shared
  extends Pick<
    AuthenticationModule,
    'checkCode' | 'reauthentication' | 'pendingAccounts' | 'registeredAccounts'
  > {
  readonly addressNotices: AddressNotices;
}

export function createAuthenticationModule(deps: AuthenticationModuleDeps): AuthenticationModule {
  const shared = createShared(deps);
  return {
    login: wireLogin(deps),
    registrations: wireRegistrations(deps, shared),
    emailVerification: wireEmailVerification(deps, shared),
    passwordReset: wirePasswordReset(deps, shared),
    passwordChange: wirePasswordChange(deps, shared),
    checkCode: shared.checkCode,
    reauthentication: shared.reauthentication,
    pendingAccounts: shared.pendingAccounts,
    registeredAccounts: shared.registeredAccounts,
    composeMail: createAccountMails({
      unitOfWork: deps.unitOfWork,
      secrets: deps.secrets,
      clock: deps.clock,
      publicUrl: deps.publicUrl,
      writeMail: deps.writeMail,
      writeRegistrationMail: deps.registrations.writeRegistrationMail,
      addressNotices: shared.addressNotices,
      attemptLimits: deps.attemptLimits,
    }),
    cleanup: createCodeAndRegistrationCleanup({ unitOfWork: deps.unitOfWork, clock: deps.clock }),
  };
}

function createShared(deps: AuthenticationModuleDeps): Shared {
  const { unitOfWork, clock, users, hasher, attemptLimits, audit, oneTimePasswords } = deps;
  const { addresses } = deps.registrations;
  const pendingAccounts = createPendingAccounts({ users, oneTimePasswords });
  return {
    checkCode: createCheckCode({ oneTimePasswords, attemptLimits }),
    reauthentication: createReauthentication({
      unitOfWork,
      clock,
      users,
      hasher,
      attemptLimits,
      audit,
    }),
    pendingAccounts,
    registeredAccounts: createRegisteredAccounts({ unitOfWork, users, addresses, clock }),
    addressNotices: createAddressNotices({ unitOfWork, users, pendingAccounts, attemptLimits }),
  };
}

function wireLogin(deps: AuthenticationModuleDeps): Login {
  const { unitOfWork, clock, hasher, audit, attemptLimits } = deps;
  const { createSession, tokens } = deps.sessions;
  return createLogin({
    unitOfWork,
    createSession,
    tokens,
    hasher,
    audit,
    attemptLimits,
    clock,
  });
}

function wireRegistrations(deps: AuthenticationModuleDeps, shared: Shared): Registrations {
  const { unitOfWork, users, hasher, attemptLimits, passwordRules } = deps;
  return createRegistrations({
    unitOfWork,
    users,
    pendingRegistrations: deps.registrations.pendingRegistrations,
    pendingAccounts: shared.pendingAccounts,
    addressNotices: shared.addressNotices,
    hasher,
    attemptLimits,
    passwordRules,
  });
}

function wireEmailVerification(deps: AuthenticationModuleDeps, shared: Shared): EmailVerification {
  const { unitOfWork, users, oneTimePasswords, hasher, attemptLimits, audit, clock } = deps;
  const emailVerification = createEmailVerification({
    unitOfWork,
    users,
    oneTimePasswords,
    pendingRegistrations: deps.registrations.pendingRegistrations,
    registeredAccounts: shared.registeredAccounts,
    shortCodes: deps.registrations.shortCodes,
    hasher,
    attemptLimits,
    audit,
    clock,
  });
  return withLoggedDenials(audit, ['INVALID_CODE'], emailVerification);
}

function wirePasswordReset(deps: AuthenticationModuleDeps, shared: Shared): PasswordReset {
  const { unitOfWork, users, oneTimePasswords, hasher, audit, attemptLimits, clock } = deps;
  const passwordReset = createPasswordReset({
    unitOfWork,
    users,
    pendingAccounts: shared.pendingAccounts,
    oneTimePasswords,
    checkCode: shared.checkCode,
    sessions: deps.sessions.sessions,
    apiKeys: deps.apiKeys,
    hasher,
    audit,
    attemptLimits,
    clock,
    passwordRules: deps.passwordRules,
  });
  return withLoggedDenials(audit, ['INVALID_TOKEN'], passwordReset);
}

function wirePasswordChange(deps: AuthenticationModuleDeps, shared: Shared): PasswordChange {
  const { unitOfWork, users, oneTimePasswords, hasher, audit } = deps;
  return createPasswordChange({
    unitOfWork,
    users,
    oneTimePasswords,
    sessions: deps.sessions.sessions,
    apiKeys: deps.apiKeys,
    reauthentication: shared.reauthentication,
    hasher,
    audit,
    passwordRules: deps.passwordRules,
  });
}
