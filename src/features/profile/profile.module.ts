/** Wires the operations on one's own account: profile, change of address, export and erasure. */
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Audit } from '../audit/audit.ts';
import { withLoggedDenials } from '../audit/denials.ts';
import type { Reauthentication } from '../authentication/reauthentication.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { RegistrationsModule } from '../registrations/registrations.module.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Users } from '../users/users.ts';
import { createDataExport, type DataExport } from './data-export.ts';
import { createEmailChanges, type EmailChanges } from './email-change.ts';
import { createEraseUser, type EraseUser } from './erase-user.ts';
import { createErasure, type Erasure } from './erasure.ts';
import { createProfiles, type Profiles } from './profile.ts';

export interface ProfileModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
  readonly users: Users;
  readonly registrations: Pick<RegistrationsModule, 'addresses' | 'pendingRegistrations'>;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly reauthentication: Reauthentication;
}

export interface ProfileModule {
  readonly profiles: Profiles;
  readonly emailChanges: EmailChanges;
  readonly dataExport: DataExport;
  readonly erasure: Erasure;
  /** For operations that check the rights of the caller. */
  readonly eraseUser: EraseUser;
}

export function createProfileModule(deps: ProfileModuleDeps): ProfileModule {
  const { unitOfWork, clock, attemptLimits, audit, users, oneTimePasswords } = deps;
  const { reauthentication } = deps;
  const { addresses, pendingRegistrations } = deps.registrations;
  const eraseUser = createEraseUser({ unitOfWork, users, pendingRegistrations, audit });
  const emailChanges = createEmailChanges({
    unitOfWork,
    users,
    addresses,
    oneTimePasswords,
    sessions: deps.sessions,
    apiKeys: deps.apiKeys,
    reauthentication,
    attemptLimits,
    clock,
  });
  const profiles = createProfiles({
    unitOfWork,
    users,
    oneTimePasswords,
    reauthentication,
    emailChanges,
    attemptLimits,
  });
  return {
    profiles,
    emailChanges: withLoggedDenials(audit, ['INVALID_CODE'], emailChanges),
    dataExport: createDataExport({ unitOfWork, audit }),
    erasure: createErasure({ unitOfWork, reauthentication, eraseUser }),
    eraseUser,
  };
}
