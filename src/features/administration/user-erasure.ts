/** The erasure of accounts by administrators. Owners erase their own account with their password. */

import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { EraseUser } from '../profile/erase-user.ts';
import { requireAdministrator } from './policies.ts';
import type { UserPolicies } from './user-policies.ts';

export interface UserErasure {
  /**
   * Erases the account of another user with all personal data. The actor must hold all grants of the account;
   * only superusers erase superusers.
   *
   * @throws FORBIDDEN, NOT_FOUND, PROTECTED
   */
  eraseUser(id: unknown, context: RequestContext): Promise<void>;
}

const permission = 'users.erase_user';

export function createUserErasure(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction'>;
  readonly userPolicies: Pick<UserPolicies, 'lockManagedUser' | 'assertCanErase'>;
  readonly eraseUser: EraseUser;
}): UserErasure {
  return {
    async eraseUser(id, context) {
      const actor = requireAdministrator(context, permission);
      await deps.unitOfWork.transaction(async () => {
        const { user, rights } = await deps.userPolicies.lockManagedUser(id, actor, permission);
        await deps.userPolicies.assertCanErase(rights, user);
        await deps.eraseUser(user);
      });
    },
  };
}
