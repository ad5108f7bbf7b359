/** All migrations in the order in which they are applied. */
import { Initial } from './20261124000001-initial.ts';
import { Changes } from './20261124000002-changes.ts';
import { Accounts } from './20261124000003-accounts.ts';
import { Administration } from './20261124000004-administration.ts';
import { Audit } from './20261124000005-audit.ts';
import { EndsOfSessions } from './20261124000006-ends-of-sessions.ts';
import { AttemptBudgets } from './20261124000007-attempt-budgets.ts';
import { SteadySpeed } from './20261124000008-steady-speed.ts';
import { Registrations } from './20261128000009-registrations.ts';
import { AdministrationRules } from './20261128000010-administration-rules.ts';
import { AuditChains } from './20261128000011-audit-chains.ts';
import { RateLimits } from './20261128000012-rate-limits.ts';
import { DatabaseSpeed } from './20261128000013-database-speed.ts';
import { SessionsOfUsers } from './20261128000013-sessions-of-users.ts';
import { TextFolding } from './20261128000014-text-folding.ts';
import { PendingAddresses } from './20261128000015-pending-addresses.ts';
import { PurgeOfCodes } from './20261128000015-purge-of-codes.ts';
import { WriteFunctions } from './20261128000016-write-functions.ts';
import { ServiceAccounts } from './20261128000017-service-accounts.ts';
import { MovingPeople } from './20261129000018-moving-people.ts';
import { ShortCodes } from './20261129000019-short-codes.ts';

export const migrations = [
  Initial,
  Changes,
  Accounts,
  Administration,
  Audit,
  EndsOfSessions,
  AttemptBudgets,
  SteadySpeed,
  Registrations,
  AdministrationRules,
  AuditChains,
  RateLimits,
  SessionsOfUsers,
  TextFolding,
  // Added after TextFolding (14), although its number is 13. New and existing databases apply both in this order.
  DatabaseSpeed,
  PendingAddresses,
  PurgeOfCodes,
  WriteFunctions,
  ServiceAccounts,
  MovingPeople,
  ShortCodes,
];

/** The names as in the table of applied migrations. The constructor's arguments do not affect the name. */
export const migrationNames: readonly string[] = migrations.map(
  (Each) => new Each(undefined as never, undefined as never).name,
);
