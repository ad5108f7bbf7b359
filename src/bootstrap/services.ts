/** The services of the house, joined by plain function calls: every behaviour there is, behind no door. */

import type { Config } from '../config/config.ts';
import type { Clock } from '../core/time.ts';
import { createOneTimeSecrets, type OneTimeSecrets } from '../crypto/one-time-secret.ts';
import { createPasswordHasher, hashThreadsOf } from '../crypto/password/hasher.ts';
import { createRefreshTokens } from '../crypto/refresh-token.ts';
import type { Changes } from '../database/change-feed.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import { createAccess } from '../features/access/access.ts';
import { createAccessDeclarations } from '../features/access-manifest/apply.ts';
import {
  type AccountRecoveryParts,
  createAccountRecovery,
} from '../features/administration/account-recovery.ts';
import { createDirectory } from '../features/administration/directory.ts';
import { createExplanations } from '../features/administration/explain.ts';
import { createGrants } from '../features/administration/grants.ts';
import { createGroupAdministration } from '../features/administration/groups.ts';
import { createByName } from '../features/administration/lookup.ts';
import { createPermissionAdministration } from '../features/administration/permissions.ts';
import { createRights } from '../features/administration/policies.ts';
import {
  createRegistrationAdministration,
  type RegistrationAdministrationDeps,
} from '../features/administration/registrations.ts';
import { createSingleGrants } from '../features/administration/single-grants.ts';
import {
  createUserAdministration,
  type UserAdministrationParts,
} from '../features/administration/users.ts';
import { type Audit, createAudit } from '../features/audit/audit.ts';
import { withLoggedRefusals, withRecordedRefusals } from '../features/audit/denials.ts';
import { createAuditVerifier } from '../features/audit/verification.ts';
import { createAuditEntries } from '../features/audit-log/entries.ts';
import { createAuditNames } from '../features/audit-log/names.ts';
import { createAddressNotices } from '../features/authentication/address-notices.ts';
import { createAccountMails } from '../features/authentication/authentication.mails.ts';
import { createHousekeeping } from '../features/authentication/cleanup.ts';
import { createLookAtCode } from '../features/authentication/consume-code.ts';
import { createEmailVerification } from '../features/authentication/email-verification.ts';
import { createLogin } from '../features/authentication/login.ts';
import { createPasswords } from '../features/authentication/passwords.ts';
import {
  createPendingAccounts,
  createRegisteredAccounts,
} from '../features/authentication/pending-accounts.ts';
import { createCredentials } from '../features/authentication/reauthentication.ts';
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
import { type Attempts, createAttempts } from '../rate-limit/attempt-limits.ts';
import type { RateLimiter } from '../rate-limit/limiter.ts';

const mailCooldownSeconds = 60;
/** So many hashes may wait for each thread; the pace of late may close the line before. */
const waitingHashesPerThread = 200;

/** What the services stand on. */
export interface Ground {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly secretKey: string;
  readonly unitOfWork: UnitOfWork;
  readonly changes: Changes;
  /** Undefined where attempts are not limited. */
  readonly rateLimiter: RateLimiter | undefined;
}

export type Services = ReturnType<typeof createServices>;

export function createServices(ground: Ground) {
  const { config, unitOfWork, clock, secretKey } = ground;
  const audit = createAudit(ground);
  const attempts = createAttempts(ground);
  const threads = hashThreadsOf(config.workers);
  const hasher = createPasswordHasher({
    threads,
    queueLimit: threads * waitingHashesPerThread,
    parameters: config.passwordHash,
    metrics: ground.metrics,
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
  const registrationServices = createRegistrationServices(ground, {
    secrets,
    users,
    oneTimePasswords,
    attempts,
  });
  const sessionServices = createSessionServices(ground, { audit, attempts });
  const accountParts = {
    ...sessionServices,
    ...registrationServices,
    audit,
    attempts,
    unitOfWork,
    clock,
    users,
    oneTimePasswords,
    lookAtCode: createLookAtCode({ oneTimePasswords, attempts }),
    hasher,
    credentials: createCredentials({ unitOfWork, clock, users, hasher, attempts, audit }),
    passwordRules: { minLength: config.passwordMinLength },
  };
  const emailChanges = createEmailChanges(accountParts);
  const grants = createGrants(unitOfWork, audit);
  const rights = createRights(unitOfWork);
  return {
    ...sessionServices,
    hasher,
    attempts,
    access,
    oneTimePasswords,
    lookAtCode: accountParts.lookAtCode,
    emailChanges: withLoggedRefusals(audit, ['INVALID_CODE'], emailChanges),
    login: createLogin(accountParts),
    addresses: registrationServices.addresses,
    registrations: createRegistrations(accountParts),
    emailVerification: withLoggedRefusals(
      audit,
      ['INVALID_CODE'],
      createEmailVerification(accountParts),
    ),
    passwords: withLoggedRefusals(audit, ['INVALID_TOKEN'], createPasswords(accountParts)),
    profiles: createProfiles({ ...accountParts, emailChanges }),
    provisioning: createProvisioning(accountParts),
    provisioningChecks: createProvisioningChecks(accountParts),
    housekeeping: createHousekeeping(accountParts),
    directory: withLoggedRefusals(audit, ['FORBIDDEN'], createDirectory(unitOfWork)),
    explanations: withLoggedRefusals(audit, ['FORBIDDEN'], createExplanations(unitOfWork)),
    audit,
    auditVerifier: createAuditVerifier(ground),
    auditEntries: withLoggedRefusals(
      audit,
      ['FORBIDDEN'],
      createAuditEntries({ query: unitOfWork.query, subjectKeys: audit.subjectKeys }),
    ),
    ...createAdministration({ ...accountParts, grants, rights }),
    mailQueue: createMailQueue(unitOfWork, audit),
    composeMail: createAccountMails({
      ...registrationServices,
      attempts,
      unitOfWork,
      secrets,
      clock,
      publicUrl: config.publicUrl,
    }),
  };
}

/** Those that change something refuse alike, and each refusal is recorded once. */
function createAdministration(
  parts: UserAdministrationParts & AccountRecoveryParts & RegistrationAdministrationDeps,
) {
  const { unitOfWork, audit, grants, rights } = parts;
  const userAdministration = createUserAdministration(parts);
  const groupAdministration = createGroupAdministration({ unitOfWork, grants, rights });
  const permissionAdministration = createPermissionAdministration({ unitOfWork, rights });
  const administration = {
    unitOfWork,
    userAdministration,
    groupAdministration,
    permissionAdministration,
  };
  const accessDeclarations = createAccessDeclarations(administration);
  const byName = withLoggedRefusals(audit, ['FORBIDDEN'], createByName(unitOfWork));
  return {
    byName,
    auditNames: createAuditNames({ query: unitOfWork.query, byName }),
    userAdministration: withRecordedRefusals(audit, userAdministration),
    accountRecovery: withRecordedRefusals(audit, createAccountRecovery(parts)),
    registrationAdministration: withRecordedRefusals(
      audit,
      createRegistrationAdministration(parts),
    ),
    groupAdministration: withRecordedRefusals(audit, groupAdministration),
    permissionAdministration: withRecordedRefusals(audit, permissionAdministration),
    singleGrants: withRecordedRefusals(audit, createSingleGrants(administration)),
    accessDeclarations: {
      ...withRecordedRefusals(audit, accessDeclarations),
      compareAccess: accessDeclarations.compareAccess, // a comparison writes nothing
    },
  };
}

/** Which account owns an address, and the registrations and accounts that wait for their owner. */
function createRegistrationServices(
  { config, unitOfWork, clock }: Ground,
  parts: {
    readonly secrets: OneTimeSecrets;
    readonly users: Users;
    readonly oneTimePasswords: OneTimePasswords;
    readonly attempts: Attempts;
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
    pendingAccounts,
    registeredAccounts: createRegisteredAccounts({ ...deps, addresses }),
    addressNotices: createAddressNotices({ ...deps, pendingAccounts }),
    writeRegistrationMail: createRegistrationMails({ ...deps, publicUrl }),
  };
}

function createSessionServices(
  ground: Ground,
  { audit, attempts }: { readonly audit: Audit; readonly attempts: Attempts },
) {
  const { config, log, clock, secretKey, unitOfWork, changes, metrics } = ground;
  const { accessTokenTtlSeconds, refreshTokenTtlSeconds, sessionMaxAgeSeconds } = config;
  const refreshTokens = createRefreshTokens(secretKey);
  const signingKeys = createSigningKeys({
    unitOfWork,
    audit,
    changes,
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
      changes,
      clock,
      metrics,
      size: config.principalCacheSize,
    }),
    changes,
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
    attempts,
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
    sessions: withLoggedRefusals(audit, ['INVALID_TOKEN'], createSessions(sessionParts)),
    refresh: withLoggedRefusals(audit, ['INVALID_TOKEN'], createRefresh(sessionParts)),
  };
}
