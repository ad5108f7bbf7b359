/** The services of the house, joined by plain function calls: every behaviour there is, behind no door. */

import type { Config } from '../config/config.ts';
import type { Clock } from '../core/time.ts';
import { createOneTimeSecrets, type OneTimeSecrets } from '../crypto/one-time-secret.ts';
import { createPasswordHasher, hashThreadsOf } from '../crypto/password/hasher.ts';
import { createRefreshTokens } from '../crypto/refresh-token.ts';
import type { ChangeFeed } from '../database/change-feed.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import { createAccess } from '../features/access/access.ts';
import { createManifestApply } from '../features/access-manifest/apply.ts';
import {
  type AccountRecoveryDeps,
  createAccountRecovery,
} from '../features/administration/account-recovery.ts';
import { createDirectory } from '../features/administration/directory/directory.ts';
import { createExplain } from '../features/administration/directory/explain.ts';
import { createLookup } from '../features/administration/directory/lookup.ts';
import { createGrants } from '../features/administration/grants/grants.ts';
import {
  createUserGrants,
  type UserGrantsDeps,
} from '../features/administration/grants/user-grants.ts';
import { createGroupAdministration } from '../features/administration/groups.ts';
import { createPermissionAdministration } from '../features/administration/permissions.ts';
import { createManagePolicies, type ManagePolicies } from '../features/administration/policies.ts';
import {
  createRegistrationAdministration,
  type RegistrationAdministrationDeps,
} from '../features/administration/registrations.ts';
import { createUserPolicies } from '../features/administration/user-policies.ts';
import {
  createUserAdministration,
  type UserAdministrationDeps,
} from '../features/administration/users.ts';
import { type Audit, createAudit } from '../features/audit/audit.ts';
import { withAuditedDenials, withLoggedDenials } from '../features/audit/denials.ts';
import { createAuditVerifier } from '../features/audit/verification.ts';
import { createAuditEntries } from '../features/audit-log/entries.ts';
import { createAuditNames } from '../features/audit-log/names.ts';
import { createAddressNotices } from '../features/authentication/address-notices.ts';
import { createAccountMails } from '../features/authentication/authentication.mails.ts';
import { createCleanup } from '../features/authentication/cleanup.ts';
import { createCheckCode } from '../features/authentication/consume-code.ts';
import { createEmailVerification } from '../features/authentication/email-verification.ts';
import { createLogin } from '../features/authentication/login.ts';
import { createPasswords } from '../features/authentication/passwords.ts';
import {
  createPendingAccounts,
  createRegisteredAccounts,
} from '../features/authentication/pending-accounts.ts';
import { createReauthentication } from '../features/authentication/reauthentication.ts';
import { createRegistrations } from '../features/authentication/registration.ts';
import {
  createOneTimePasswords,
  type OneTimePasswords,
} from '../features/one-time-passwords/one-time-passwords.ts';
import { createMailQueue } from '../features/operations/mail-queue.ts';
import {
  createProvisioning,
  createProvisioningChecks,
} from '../features/operations/provisioning.ts';
import { createEmailChanges } from '../features/profile/email-change.ts';
import { createProfiles } from '../features/profile/profile.ts';
import { createAddresses } from '../features/registrations/addresses.ts';
import { createAssertIdentifiersFree } from '../features/registrations/identifiers.ts';
import { createRegistrationMails } from '../features/registrations/registrations.mails.ts';
import { createWaitingRegistrations } from '../features/registrations/registrations.ts';
import { createPrincipals } from '../features/sessions/principals.ts';
import { createRefresh } from '../features/sessions/refresh.ts';
import { createSessions } from '../features/sessions/sessions.ts';
import { createSigningKeys } from '../features/sessions/signing-keys.ts';
import { createTokens } from '../features/sessions/tokens.ts';
import { createUsers, type Users } from '../features/users/users.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { type AttemptLimits, createAttemptLimits } from '../rate-limit/attempt-limits.ts';
import type { RateLimiter } from '../rate-limit/limiter.ts';

const mailCooldownSeconds = 60;
/** So many hashes may wait for each thread; the pace of late may close the line before. */
const waitingHashesPerThread = 200;

/** What the services stand on. */
export interface ServiceDeps {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly secretKey: string;
  readonly unitOfWork: UnitOfWork;
  readonly changeFeed: ChangeFeed;
  /** Undefined where attempts are not limited. */
  readonly rateLimiter: RateLimiter | undefined;
}

export type Services = ReturnType<typeof createServices>;

export function createServices(deps: ServiceDeps) {
  const { config, unitOfWork, clock, secretKey } = deps;
  const audit = createAudit(deps);
  const attemptLimits = createAttemptLimits(deps);
  const threads = hashThreadsOf(config.workers);
  const hasher = createPasswordHasher({
    threads,
    queueLimit: threads * waitingHashesPerThread,
    parameters: config.passwordHash,
    metrics: deps.metrics,
  });
  const secrets = createOneTimeSecrets(secretKey);
  const access = createAccess(unitOfWork);
  const users = createUsers(unitOfWork);
  const oneTimePasswords = createOneTimePasswords({
    unitOfWork,
    secrets,
    clock,
    verifyCodeTtlSeconds: config.verifyCodeTtlSeconds,
    resetTokenTtlSeconds: config.resetTokenTtlSeconds,
  });
  const registrationServices = createRegistrationServices(deps, {
    secrets,
    users,
    oneTimePasswords,
    attemptLimits,
  });
  const sessionServices = createSessionServices(deps, { audit, attemptLimits });
  const accountParts = {
    ...sessionServices,
    ...registrationServices,
    audit,
    attemptLimits,
    unitOfWork,
    clock,
    users,
    oneTimePasswords,
    checkCode: createCheckCode({ oneTimePasswords, attemptLimits }),
    hasher,
    reauthentication: createReauthentication({
      unitOfWork,
      clock,
      users,
      hasher,
      attemptLimits,
      audit,
    }),
    passwordRules: { minLength: config.passwordMinLength },
  };
  const emailChanges = createEmailChanges(accountParts);
  const grants = createGrants(unitOfWork, audit);
  const policies = createManagePolicies(unitOfWork);
  return {
    ...sessionServices,
    hasher,
    attemptLimits,
    access,
    oneTimePasswords,
    checkCode: accountParts.checkCode,
    emailChanges: withLoggedDenials(audit, ['INVALID_CODE'], emailChanges),
    login: createLogin(accountParts),
    addresses: registrationServices.addresses,
    registrations: createRegistrations(accountParts),
    emailVerification: withLoggedDenials(
      audit,
      ['INVALID_CODE'],
      createEmailVerification(accountParts),
    ),
    passwords: withLoggedDenials(audit, ['INVALID_TOKEN'], createPasswords(accountParts)),
    profiles: createProfiles({ ...accountParts, emailChanges }),
    provisioning: createProvisioning(accountParts),
    provisioningChecks: createProvisioningChecks(accountParts),
    cleanup: createCleanup(accountParts),
    directory: withLoggedDenials(audit, ['FORBIDDEN'], createDirectory(unitOfWork)),
    explain: withLoggedDenials(audit, ['FORBIDDEN'], createExplain(unitOfWork)),
    audit,
    auditVerifier: createAuditVerifier(deps),
    auditEntries: withLoggedDenials(
      audit,
      ['FORBIDDEN'],
      createAuditEntries({ query: unitOfWork.query, subjectKeys: audit.subjectKeys }),
    ),
    ...createAdministration({ ...accountParts, grants, policies }),
    mailQueue: createMailQueue(unitOfWork, audit),
    composeMail: createAccountMails({
      ...registrationServices,
      attemptLimits,
      unitOfWork,
      secrets,
      clock,
      publicUrl: config.publicUrl,
    }),
  };
}

/** The services that the administration module creates for itself. */
type OwnServices = 'userPolicies' | 'userAdministration';

/** The audit log gets one entry for each denied change. */
function createAdministration(
  deps: Omit<UserAdministrationDeps & AccountRecoveryDeps & UserGrantsDeps, OwnServices> &
    RegistrationAdministrationDeps & { readonly policies: ManagePolicies },
) {
  const { unitOfWork, audit, grants, policies } = deps;
  const userPolicies = createUserPolicies(deps);
  const userAdministration = createUserAdministration({
    ...deps,
    userPolicies,
  });
  const userGrants = createUserGrants({ ...deps, userPolicies, userAdministration });
  const groupAdministration = createGroupAdministration({ unitOfWork, grants, policies });
  const permissionAdministration = createPermissionAdministration({ unitOfWork, policies });
  const manifestApply = createManifestApply({
    unitOfWork,
    userGrants,
    groupAdministration,
    permissionAdministration,
  });
  const lookup = withLoggedDenials(audit, ['FORBIDDEN'], createLookup(unitOfWork));
  return {
    lookup,
    auditNames: createAuditNames({ query: unitOfWork.query, lookup }),
    userAdministration: withAuditedDenials(audit, userAdministration),
    accountRecovery: withAuditedDenials(audit, createAccountRecovery({ ...deps, userPolicies })),
    registrationAdministration: withAuditedDenials(audit, createRegistrationAdministration(deps)),
    groupAdministration: withAuditedDenials(audit, groupAdministration),
    permissionAdministration: withAuditedDenials(audit, permissionAdministration),
    userGrants: withAuditedDenials(audit, userGrants),
    manifestApply: {
      ...withAuditedDenials(audit, manifestApply),
      compareAccess: manifestApply.compareAccess, // a comparison writes nothing
    },
  };
}

/** Which account owns an address, and the registrations and accounts that wait for their owner. */
function createRegistrationServices(
  { config, unitOfWork, clock }: ServiceDeps,
  parts: {
    readonly secrets: OneTimeSecrets;
    readonly users: Users;
    readonly oneTimePasswords: OneTimePasswords;
    readonly attemptLimits: AttemptLimits;
  },
) {
  const { publicUrl, verifyCodeTtlSeconds } = config;
  const deps = { ...parts, unitOfWork, clock, verifyCodeTtlSeconds, mailCooldownSeconds };
  const waitingRegistrations = createWaitingRegistrations(deps);
  const addresses = createAddresses({ ...deps, registrations: waitingRegistrations });
  const pendingAccounts = createPendingAccounts(parts);
  return {
    waitingRegistrations,
    addresses,
    assertIdentifiersFree: createAssertIdentifiersFree({ ...parts, addresses }),
    pendingAccounts,
    registeredAccounts: createRegisteredAccounts({ ...deps, addresses }),
    addressNotices: createAddressNotices({ ...deps, pendingAccounts }),
    writeRegistrationMail: createRegistrationMails({ ...deps, publicUrl }),
  };
}

function createSessionServices(
  deps: ServiceDeps,
  { audit, attemptLimits }: { readonly audit: Audit; readonly attemptLimits: AttemptLimits },
) {
  const { config, log, clock, secretKey, unitOfWork, changeFeed, metrics } = deps;
  const { accessTokenTtlSeconds, refreshTokenTtlSeconds, sessionMaxAgeSeconds } = config;
  const refreshTokens = createRefreshTokens(secretKey);
  const signingKeys = createSigningKeys({
    unitOfWork,
    audit,
    changeFeed,
    secretKey,
    clock,
    log,
    accessTokenTtlSeconds,
  });
  const tokens = createTokens({
    signingKeys,
    refreshTokens,
    principals: createPrincipals({
      unitOfWork,
      changeFeed,
      clock,
      metrics,
      size: config.principalCacheSize,
    }),
    changeFeed,
    clock,
    issuer: config.publicUrl,
    accessTokenTtlSeconds,
    cacheSize: config.principalCacheSize,
  });
  const sessionParts = {
    unitOfWork,
    refreshTokens,
    tokens,
    audit,
    attemptLimits,
    clock,
    log,
    metrics,
    refreshTokenTtlSeconds,
    sessionMaxAgeSeconds,
    maxSessionsPerUser: config.maxSessionsPerUser,
    refreshGraceSeconds: config.refreshGraceSeconds,
  };
  return {
    signingKeys,
    tokens,
    sessions: withLoggedDenials(audit, ['INVALID_TOKEN'], createSessions(sessionParts)),
    refresh: withLoggedDenials(audit, ['INVALID_TOKEN'], createRefresh(sessionParts)),
  };
}
