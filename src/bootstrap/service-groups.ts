/** The services of the features, grouped by subject for the interfaces, and the dependencies of all of them. */
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/time.ts';
import type { PasswordHasher } from '../crypto/password/hasher.ts';
import type { ChangeFeed } from '../database/change-feed.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import type { AccessModule } from '../features/access/access.module.ts';
import type { AccessManifestModule } from '../features/access-manifest/access-manifest.module.ts';
import type { AdministrationModule } from '../features/administration/administration.module.ts';
import type { ApiKeysModule } from '../features/api-keys/api-keys.module.ts';
import type { AuditModule } from '../features/audit/audit.module.ts';
import type { AuditLogModule } from '../features/audit-log/audit-log.module.ts';
import type { AuthenticationModule } from '../features/authentication/authentication.module.ts';
import type { Nodes } from '../features/nodes/nodes.ts';
import type { OAuthModule } from '../features/oauth/oauth.module.ts';
import type { OperationsModule } from '../features/operations/operations.module.ts';
import type { ProfileModule } from '../features/profile/profile.module.ts';
import type { ServiceAccountsModule } from '../features/service-accounts/service-accounts.module.ts';
import type { SessionsModule } from '../features/sessions/sessions.module.ts';
import type { UserExportModule } from '../features/user-export/user-export.module.ts';
import type { UserImportModule } from '../features/user-import/user-import.module.ts';
import type { UsersModule } from '../features/users/users.module.ts';
import type { Texts } from '../i18n/translate.ts';
import type { Tasks } from '../jobs/tasks.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { AttemptLimits } from '../rate-limit/attempt-limits.ts';

export interface ServiceDeps {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly secretKey: string;
  readonly unitOfWork: UnitOfWork;
  readonly changeFeed: ChangeFeed;
  readonly attemptLimits: AttemptLimits;
  readonly hasher: PasswordHasher;
  readonly texts: Texts;
}

/** Login, registration, passwords, sessions and their tokens. */
export type AuthServices = Pick<
  AuthenticationModule,
  'login' | 'registrations' | 'emailVerification' | 'passwordReset' | 'passwordChange' | 'checkCode'
> &
  Omit<SessionsModule, 'createSession' | 'presentedTokens'> &
  Pick<ApiKeysModule, 'keyAuthentication' | 'keyUsage'> &
  Pick<UsersModule, 'foreignHashes'>;

/** The caller's own account, access of accounts, and accounts that the operator creates. */
export type UserServices = AccessModule &
  Pick<ApiKeysModule, 'apiKeys'> &
  Omit<ProfileModule, 'eraseUser'> &
  Pick<OperationsModule, 'provisioning' | 'provisioningChecks'>;

/** Administration of accounts, groups, permissions and registrations. */
export type AdminServices = Omit<AdministrationModule, 'withoutDenialAudit'> &
  AccessManifestModule &
  UserImportModule &
  UserExportModule &
  ServiceAccountsModule;

/** The audit log: `log` appends, `entries` reads. */
export type AuditServices = { readonly log: AuditModule['audit'] } & Pick<AuditModule, 'verifier'> &
  AuditLogModule;

export interface Services {
  readonly auth: AuthServices;
  readonly users: UserServices;
  readonly admin: AdminServices;
  readonly audit: AuditServices;
  readonly nodes: Nodes;
  readonly oauth: OAuthModule;
  readonly mailQueue: OperationsModule['mailQueue'];
  readonly composeMail: AuthenticationModule['composeMail'];
  /** Tasks of the job queue, by feature. */
  readonly tasks: readonly Tasks[];
  /** Lines in crontab's notation, for the tasks that run repeatedly. */
  readonly schedules: readonly string[];
}
