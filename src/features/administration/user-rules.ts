/**
 * What an administrator may do with another person's account. Giving somebody an account, or giving it
 * back, gives all that the account holds: the actor has to hold that as well, and as long.
 */
import { Problem } from '../../core/errors.ts';
import type { EmailAddress } from '../../core/parse.ts';
import type { User } from '../users/user.entity.ts';
import { type ActorRights, membershipGrants, type Rights } from './rights.ts';

/** What of an update is a matter of rights. */
export interface SensitiveChanges {
  readonly email?: EmailAddress | undefined;
  readonly password?: unknown;
  readonly isStaff?: boolean | undefined;
  readonly isActive?: boolean | undefined;
}

export interface UserRules {
  /**
   * Own password, address, status and staff flag are not changed here but by their owner's operations;
   * another person's password is set by superusers.
   *
   * @throws FORBIDDEN
   */
  requireMayUpdate(rights: ActorRights, user: User, changes: SensitiveChanges): void;
  /** Superusers only; for an account never confirmed also who could have made it. @throws FORBIDDEN */
  requireMayMove(rights: ActorRights, user: User): Promise<void>;
  /** @throws FORBIDDEN unless the actor holds all that the account holds, as staff where it is staff's */
  requireCovers(rights: ActorRights, user: Pick<User, 'id' | 'isStaff'>): Promise<void>;
}

/** What is refused to everybody but superusers, for oneself. */
const ownersFields = ['email', 'password', 'isStaff', 'isActive'] as const;

export function createUserRules({ grantsOf, endsOfMemberships }: Rights): UserRules {
  const requireCovers: UserRules['requireCovers'] = async (rights, { id, isStaff }) => {
    if (rights.isSuperuser) return;
    rights.requireCovers(await grantsOf(id));
    if (isStaff) rights.requireCovers([{ codename: 'users.change_user', until: null }]);
  };

  return {
    requireCovers,

    requireMayUpdate(rights, user, changes) {
      if (ownersFields.some((name) => changes[name] !== undefined)) {
        rights.requireNotOneself(user.id);
      }
      if (changes.password !== undefined) rights.requireSuperuser();
    },

    async requireMayMove(rights, user) {
      if (rights.isSuperuser) return;
      if (user.status !== 'PENDING') throw new Problem('FORBIDDEN');
      await requireCovers(rights, user);
      rights.requireCovers((await endsOfMemberships(user.id)).flatMap(membershipGrants));
    },
  };
}
