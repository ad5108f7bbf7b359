/** Input of the operations on users, parsed. */

import { Problem } from '../../core/errors.ts';
import {
  type EmailAddress,
  optional,
  parseBoolean,
  parseFields,
  parseId,
  parseIds,
  parseLastName,
  parsePersonName,
  parseUsernameOrNone,
  refuse,
} from '../../core/parse.ts';
import { type PasswordRules, parseNewPassword } from '../authentication/apply-password.ts';
import type { User } from '../users/user.entity.ts';
import type { Membership } from './grants.ts';
import { type ActorRights, type ManagePolicies, membershipGrants } from './policies.ts';

/** Everything raw; what is left out stays as it is. */
export interface UserInput {
  readonly email?: unknown;
  readonly username?: unknown;
  readonly firstName?: unknown;
  readonly lastName?: unknown;
  readonly password?: unknown;
  readonly isStaff?: unknown;
  readonly isActive?: unknown;
  readonly groupIds?: unknown;
  readonly permissionIds?: unknown;
}

/** Everything raw. */
export interface GroupMembershipInput {
  readonly userId: unknown;
  readonly groupId: unknown;
  readonly expiresAt?: unknown;
}

/** @throws VALIDATION_FAILED */
export function parseUserInput<Email>(
  input: UserInput,
  rules: PasswordRules & { readonly about: readonly unknown[] },
  readEmail: (raw: unknown) => Email,
) {
  return parseFields({
    email: () => readEmail(input.email),
    username: () => optional(input.username, parseUsernameOrNone),
    firstName: () => optional(input.firstName, parsePersonName),
    lastName: () => optional(input.lastName, parseLastName),
    password: () =>
      optional(input.password, (raw) =>
        parseNewPassword(raw, rules, [
          ...rules.about,
          input.email,
          input.username,
          input.firstName,
          input.lastName,
        ]),
      ),
    isStaff: () => optional(input.isStaff, parseBoolean),
    isActive: () => optional(input.isActive, parseBoolean),
    groupIds: () => optional(input.groupIds, parseIds),
    permissionIds: () => optional(input.permissionIds, parseIds),
  });
}

/** @throws VALIDATION_FAILED */
export function parseMembership(input: GroupMembershipInput, now: Date): Membership {
  return parseFields({
    groupId: () => parseId(input.groupId) ?? refuse('Must be an id.'),
    expiresAt: () => optional(input.expiresAt, (raw) => parseExpiry(raw, now)) ?? null,
  });
}

function parseExpiry(raw: unknown, now: Date): Date {
  return raw instanceof Date && raw > now ? raw : refuse('Must be a time to come.');
}

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
  assertCanUpdate(rights: ActorRights, user: User, changes: SensitiveChanges): void;
  /** Superusers only; for an account never confirmed also who could have made it. @throws FORBIDDEN */
  assertCanMove(rights: ActorRights, user: User): Promise<void>;
  /** @throws FORBIDDEN unless the actor holds all that the account holds, as staff where it is staff's */
  assertHolds(rights: ActorRights, user: Pick<User, 'id' | 'isStaff'>): Promise<void>;
}

/** What is refused to everybody but superusers, for oneself. */
const ownersFields = ['email', 'password', 'isStaff', 'isActive'] as const;

export function createUserRules({ grantsOf, endsOfMemberships }: ManagePolicies): UserRules {
  const assertHolds: UserRules['assertHolds'] = async (rights, { id, isStaff }) => {
    if (rights.isSuperuser) return;
    rights.assertHolds(await grantsOf(id));
    if (isStaff) rights.assertHolds([{ codename: 'users.change_user', until: null }]);
  };

  return {
    assertHolds,

    assertCanUpdate(rights, user, changes) {
      if (ownersFields.some((name) => changes[name] !== undefined)) {
        rights.assertNotSelf(user.id);
      }
      if (changes.password !== undefined) rights.assertSuperuser();
    },

    async assertCanMove(rights, user) {
      if (rights.isSuperuser) return;
      if (user.status !== 'PENDING') throw new Problem('FORBIDDEN');
      await assertHolds(rights, user);
      rights.assertHolds((await endsOfMemberships(user.id)).flatMap(membershipGrants));
    },
  };
}
