/** The policies of changes of one user: the permitted callers and fields. */

import { Problem } from '../../core/errors.ts';
import { type EmailAddress, parseId } from '../../core/parse.ts';
import type { Actor } from '../../core/request-context.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import {
  type ActorPolicies,
  type ActorRights,
  type AdministrativePermission,
  membershipGrants,
} from './policies.ts';

/** The changes of an update that need more rights than `users.change_user`. */
export interface SensitiveChanges {
  readonly email?: EmailAddress | undefined;
  readonly password?: unknown;
  readonly isStaff?: boolean | undefined;
  readonly isActive?: boolean | undefined;
  readonly externalId?: string | null | undefined;
  readonly metadata?: unknown;
}

export interface UserPolicies {
  /**
   * Locks a user and reads the rights of the actor. Needs a transaction.
   *
   * @throws FORBIDDEN, NOT_FOUND
   */
  lockManagedUser(
    rawId: unknown,
    actor: Actor,
    permission: AdministrativePermission,
  ): Promise<{ readonly user: User; readonly rights: ActorRights }>;
  /**
   * Actors change their own password, address, status and staff flag by the operations of the profile
   * only, and their own external id and metadata never. Superusers alone set the password of another user.
   *
   * @throws FORBIDDEN
   */
  assertCanUpdate(rights: ActorRights, user: User, changes: SensitiveChanges): void;
  /**
   * Superusers change the address of every account. Staff change the address of a PENDING account, if
   * they hold all rights of the account.
   *
   * @throws FORBIDDEN
   */
  assertCanChangeEmail(rights: ActorRights, user: User): Promise<void>;
  /**
   * @throws FORBIDDEN unless the actor holds all grants of the account, and `users.change_user` without an
   *   end for an account of staff
   */
  assertHoldsGrantsOf(rights: ActorRights, user: Pick<User, 'id' | 'isStaff'>): Promise<void>;
  /** @throws FORBIDDEN for the own account, and unless the actor holds all grants of the account */
  assertCanErase(rights: ActorRights, user: Pick<User, 'id' | 'isStaff'>): Promise<void>;
}

/** The fields that only superusers change on their own account. */
const ownersFields = [
  'email',
  'password',
  'isStaff',
  'isActive',
  'externalId',
  'metadata',
] as const;

export function createUserPolicies(deps: {
  readonly users: Pick<Users, 'lockById'>;
  readonly policies: ActorPolicies;
}): UserPolicies {
  const { forActor, grantsOf, membershipEndsOf } = deps.policies;

  const assertHoldsGrantsOf: UserPolicies['assertHoldsGrantsOf'] = async (
    rights,
    { id, isStaff },
  ) => {
    if (rights.isSuperuser) return;
    rights.assertHolds(await grantsOf(id));
    if (isStaff) rights.assertHolds([{ codename: 'users.change_user', until: null }]);
  };

  return {
    assertHoldsGrantsOf,

    async assertCanErase(rights, user) {
      if (user.id === rights.actorId) throw new Problem('FORBIDDEN');
      await assertHoldsGrantsOf(rights, user);
    },

    async lockManagedUser(rawId, actor, permission) {
      const id = parseId(rawId);
      const user = id === undefined ? null : await deps.users.lockById(id);
      if (!user) throw new Problem('NOT_FOUND');
      const rights = await forActor(actor, permission);
      rights.assertCanManage(user);
      return { user, rights };
    },

    assertCanUpdate(rights, user, changes) {
      if (ownersFields.some((name) => changes[name] !== undefined)) {
        rights.assertNotSelf(user.id);
      }
      if (changes.password !== undefined) rights.assertSuperuser();
    },

    async assertCanChangeEmail(rights, user) {
      if (rights.isSuperuser) return;
      if (user.status !== 'PENDING') throw new Problem('FORBIDDEN');
      await assertHoldsGrantsOf(rights, user);
      rights.assertHolds((await membershipEndsOf(user.id)).flatMap(membershipGrants));
    },
  };
}
