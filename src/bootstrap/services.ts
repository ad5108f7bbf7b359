/**
 * Composes the modules of the features, in the order in which they depend on each other, and groups their
 * services by subject for the interfaces.
 */
import { createAccessModule } from '../features/access/access.module.ts';
import { createAccessManifestModule } from '../features/access-manifest/access-manifest.module.ts';
import { createAdministrationModule } from '../features/administration/administration.module.ts';
import { createApiKeysModule } from '../features/api-keys/api-keys.module.ts';
import { createAuditModule } from '../features/audit/audit.module.ts';
import {
  type AuditLogModule,
  createAuditLogModule,
} from '../features/audit-log/audit-log.module.ts';
import { createAuthenticationModule } from '../features/authentication/authentication.module.ts';
import { createNodesModule } from '../features/nodes/nodes.module.ts';
import { createOAuthModule } from '../features/oauth/oauth.module.ts';
import { createOneTimePasswordsModule } from '../features/one-time-passwords/one-time-passwords.module.ts';
import {
  createOperationsModule,
  type OperationsModule,
} from '../features/operations/operations.module.ts';
import { createProfileModule } from '../features/profile/profile.module.ts';
import { createRegistrationsModule } from '../features/registrations/registrations.module.ts';
import { createServiceAccountsModule } from '../features/service-accounts/service-accounts.module.ts';
import { createSessionsModule } from '../features/sessions/sessions.module.ts';
import { createUserExportModule } from '../features/user-export/user-export.module.ts';
import { createUserImportModule } from '../features/user-import/user-import.module.ts';
import { createUsersModule } from '../features/users/users.module.ts';
import type { Tasks } from '../jobs/tasks.ts';
import { createMailWriter, type WriteMail } from '../mail/templates/templates.ts';
import type {
  AdminServices,
  AuthServices,
  ServiceDeps,
  Services,
  UserServices,
} from './service-groups.ts';

export function createServices(deps: ServiceDeps): Services {
  const { config, texts } = deps;
  const writeMail = createMailWriter({ texts, brand: config.brand });
  const base = createBaseModules(deps, writeMail);
  const accounts = createAccountModules(deps, base, writeMail);
  const operations = createOperations(deps, base, accounts);
  const administration = createAdministrationModules(deps, base, accounts);
  return {
    auth: authServices(base, accounts),
    users: userServices(base, accounts, operations),
    admin: administration.admin,
    audit: { log: base.audit.audit, verifier: base.audit.verifier, ...administration.auditLog },
    nodes: createNodesModule(deps).nodes,
    mailQueue: operations.mailQueue,
    composeMail: accounts.authentication.composeMail,
    oauth: createOAuthModule({ ...deps, ...base, audit: base.audit.audit }),
    ...collectTasks(base, accounts, [deps.attemptLimits, operations.mailQueue]),
  };
}

interface Scheduled {
  readonly tasks: Tasks;
  readonly schedule: string;
}

type BaseModules = ReturnType<typeof createBaseModules>;
type AccountModules = ReturnType<typeof createAccountModules>;

/** Features that the others build on. */
function createBaseModules(deps: ServiceDeps, writeMail: WriteMail) {
  const { config, log, clock, metrics, secretKey, unitOfWork, changeFeed, attemptLimits } = deps;
  const { publicUrl, verifyCodeTtlSeconds, resetTokenTtlSeconds } = config;
  const audit = createAuditModule({ unitOfWork, log, clock, secretKey });
  const keys = createApiKeysModule({
    unitOfWork,
    clock,
    log,
    metrics,
    changeFeed,
    attemptLimits,
    audit: audit.audit,
    principalCacheSize: config.principalCacheSize,
  });
  const { users, foreignHashes } = createUsersModule({
    unitOfWork,
    hasher: deps.hasher,
    changeFeed,
    log,
  });
  const { oneTimePasswords, secrets } = createOneTimePasswordsModule({
    unitOfWork,
    clock,
    secretKey,
    verifyCodeTtlSeconds,
    resetTokenTtlSeconds,
  });
  const registrations = createRegistrationsModule({
    unitOfWork,
    clock,
    attemptLimits,
    users,
    oneTimePasswords,
    secrets,
    publicUrl,
    writeMail,
    verifyCodeTtlSeconds,
  });
  const sessions = createSessionsModule({
    unitOfWork,
    clock,
    log,
    metrics,
    changeFeed,
    attemptLimits,
    audit: audit.audit,
    secretKey,
    keyPrincipals: keys.keyAuthentication,
    settings: config,
  });
  const { access } = createAccessModule({ unitOfWork });
  return {
    audit,
    keys,
    access,
    users,
    foreignHashes,
    oneTimePasswords,
    secrets,
    registrations,
    sessions,
  };
}

/** Features for the owner of an account. */
function createAccountModules(deps: ServiceDeps, base: BaseModules, writeMail: WriteMail) {
  const { config, unitOfWork, clock, attemptLimits, hasher } = deps;
  const { users, oneTimePasswords, secrets, registrations, sessions } = base;
  const { audit } = base.audit;
  const passwordRules = { minLength: config.passwordMinLength };
  const authentication = createAuthenticationModule({
    unitOfWork,
    clock,
    hasher,
    attemptLimits,
    audit,
    users,
    oneTimePasswords,
    secrets,
    registrations,
    sessions,
    apiKeys: base.keys.apiKeys,
    passwordRules,
    publicUrl: config.publicUrl,
    writeMail,
  });
  const profile = createProfileModule({
    unitOfWork,
    clock,
    attemptLimits,
    audit,
    users,
    registrations,
    oneTimePasswords,
    sessions: sessions.sessions,
    apiKeys: base.keys.apiKeys,
    reauthentication: authentication.reauthentication,
  });
  return { authentication, profile, passwordRules };
}

/** The mail queue, and the creation of accounts by the operator. */
function createOperations(
  { unitOfWork, hasher }: ServiceDeps,
  { audit, users, oneTimePasswords, registrations }: BaseModules,
  { passwordRules }: AccountModules,
): OperationsModule {
  return createOperationsModule({
    unitOfWork,
    hasher,
    audit: audit.audit,
    users,
    assertIdentifiersFree: registrations.assertIdentifiersFree,
    oneTimePasswords,
    passwordRules,
  });
}

/** Features for administrators. */
function createAdministrationModules(
  deps: ServiceDeps,
  base: BaseModules,
  { authentication, profile, passwordRules }: AccountModules,
): { readonly admin: AdminServices; readonly auditLog: AuditLogModule } {
  const { unitOfWork, clock, hasher } = deps;
  const { audit } = base.audit;
  const { withoutDenialAudit, ...administration } = createAdministrationModule({
    unitOfWork,
    clock,
    hasher,
    audit,
    users: base.users,
    oneTimePasswords: base.oneTimePasswords,
    registrations: base.registrations,
    sessions: base.sessions.sessions,
    apiKeys: base.keys.apiKeys,
    pendingAccounts: authentication.pendingAccounts,
    registeredAccounts: authentication.registeredAccounts,
    passwordRules,
    eraseUser: profile.eraseUser,
  });
  const accessManifest = createAccessManifestModule({
    unitOfWork,
    audit,
    administration: withoutDenialAudit,
  });
  const serviceAccounts = createServiceAccountsModule({
    unitOfWork,
    audit,
    apiKeys: base.keys.apiKeys,
    users: base.users,
    clock,
  });
  const { userImports } = createUserImportModule({
    unitOfWork,
    clock,
    audit,
    users: base.users,
    hasher,
    addresses: base.registrations.addresses,
    administration: withoutDenialAudit,
  });
  return {
    admin: {
      ...administration,
      ...serviceAccounts,
      ...accessManifest,
      userImports,
      ...createUserExportModule({ unitOfWork, audit }),
    },
    auditLog: createAuditLogModule({ unitOfWork, audit, lookup: administration.lookup }),
  };
}

function authServices(
  { sessions, keys, foreignHashes }: BaseModules,
  { authentication }: AccountModules,
): AuthServices {
  // `createSession` checks no password, and `presentedTokens` are for OAuth.
  const { createSession: _login, presentedTokens: _oauth, ...sessionServices } = sessions;
  const { login, registrations, emailVerification, checkCode } = authentication;
  const { passwordReset, passwordChange } = authentication;
  return {
    login,
    registrations,
    emailVerification,
    passwordReset,
    passwordChange,
    checkCode,
    ...sessionServices,
    keyAuthentication: keys.keyAuthentication,
    keyUsage: keys.keyUsage,
    foreignHashes,
  };
}

function userServices(
  { access, keys }: BaseModules,
  { profile }: AccountModules,
  { provisioning, provisioningChecks }: OperationsModule,
): UserServices {
  // `eraseUser` checks no rights.
  const { eraseUser: _unchecked, ...ownAccount } = profile;
  return { access, apiKeys: keys.apiKeys, ...ownAccount, provisioning, provisioningChecks };
}

/** @param others services with a task that runs repeatedly */
function collectTasks(
  { sessions, registrations, keys }: BaseModules,
  { authentication }: AccountModules,
  others: readonly Scheduled[],
): Pick<Services, 'tasks' | 'schedules'> {
  const scheduled = [sessions.sessions, keys.apiKeys, authentication.cleanup, ...others];
  return {
    tasks: [
      authentication.registrations.tasks,
      registrations.addresses.tasks,
      authentication.passwordReset.tasks,
      ...scheduled.map(({ tasks }) => tasks),
    ],
    schedules: scheduled.map(({ schedule }) => schedule),
  };
}
