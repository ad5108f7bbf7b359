/** The operations of administrators that confirm or delete a registration. */

import { Problem } from '../../core/errors.ts';
import { parseId } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import type { RegisteredAccounts } from '../authentication/registered-accounts.ts';
import type { PendingRegistrations, TakenRegistration } from '../registrations/registrations.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import { type ActorPolicies, requireAdministrator } from './policies.ts';

export interface RegistrationAdministration {
  /**
   * Creates the account of a registration without its code, and removes the other registrations of its
   * address. The address is unverified until the owner uses the code.
   *
   * @throws FORBIDDEN, NOT_FOUND
   */
  confirmRegistration(id: unknown, context: RequestContext): Promise<User>;
  /** @throws FORBIDDEN, NOT_FOUND */
  deleteRegistration(id: unknown, context: RequestContext): Promise<void>;
}

export interface RegistrationAdministrationDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction'>;
  readonly users: Pick<Users, 'lockAddress'>;
  readonly pendingRegistrations: Pick<PendingRegistrations, 'emailOf' | 'take'>;
  readonly registeredAccounts: RegisteredAccounts;
  readonly policies: Pick<ActorPolicies, 'forActor'>;
  readonly audit: Pick<Audit, 'append'>;
}

const permission = 'users.change_user';

export function createRegistrationAdministration(
  deps: RegistrationAdministrationDeps,
): RegistrationAdministration {
  const { users, pendingRegistrations, audit } = deps;

  /** Deletes the row of the registration and runs `work` in the same transaction. */
  const withRegistration = async <Result>(
    rawId: unknown,
    context: RequestContext,
    work: (registration: TakenRegistration) => Promise<Result>,
  ): Promise<Result> => {
    const actor = requireAdministrator(context, permission);
    return deps.unitOfWork.transaction(async () => {
      await deps.policies.forActor(actor, permission);
      const id = parseId(rawId);
      const email = id === undefined ? undefined : await pendingRegistrations.emailOf(id);
      if (id === undefined || email === undefined) throw new Problem('NOT_FOUND');
      await users.lockAddress(email);
      const registration = await pendingRegistrations.take(id);
      if (!registration) throw new Problem('NOT_FOUND');
      return work(registration);
    });
  };

  return {
    confirmRegistration: (rawId, context) =>
      withRegistration(rawId, context, async (registration) => {
        const user = await deps.registeredAccounts.create(registration, { isVerified: false });
        // The address has an account, which removed the registrations.
        if (!user) throw new Problem('NOT_FOUND');
        const target = { type: 'user', id: user.id } as const;
        await audit.append({ action: 'registration-confirmed', target });
        return user;
      }),

    deleteRegistration: (rawId, context) =>
      withRegistration(rawId, context, async ({ id }) => {
        const target = { type: 'registration', id } as const;
        await audit.append({ action: 'registration-deleted', target });
      }),
  };
}
