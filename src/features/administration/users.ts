/** Users as administrators manage them. */

import { Problem } from '../../core/errors.ts';
import { type EmailAddress, optional, parseEmail, parseId } from '../../core/parse.ts';
import type { Actor, RequestContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import type { PasswordRules } from '../authentication/apply-password.ts';
import { createApplyPassword } from '../authentication/apply-password.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { Grants, ItemsByOwner } from './grants.ts';
import type { ActorRights, ManagePolicies } from './policies.ts';
import {
  type AdministrativePermission,
  requireAdministrator,
  requireSomeField,
} from './policies.ts';
import {
  createUserRules,
  type GroupMembershipInput,
  parseMembership,
  parseUserInput,
  type UserInput,
} from './user-policies.ts';

export interface UserAdministration {
  /**
   * Makes an account. Without a password its owner is invited to choose one; with `isActive` it is
   * active at once, otherwise when its owner has proved the address.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, VALIDATION_FAILED
   */
  createUser(input: UserInput, context: RequestContext): Promise<User>;
  /**
   * Another person's password and address are for superusers; who covers all that a never confirmed
   * account holds may correct its address.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED
   */
  updateUser(id: unknown, input: UserInput, context: RequestContext): Promise<User>;
  /**
   * Makes somebody a member of a group until a time, or for good; members get the new time.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED
   */
  setGroupMembership(input: GroupMembershipInput, context: RequestContext): Promise<User>;
  /**
   * Sets groups and direct permissions of many users, by their ids. The caller has locked the users.
   * Needs a transaction.
   *
   * @throws FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED
   */
  setGrants(
    grants: { readonly groupIds: ItemsByOwner; readonly permissionIds: ItemsByOwner },
    context: RequestContext,
  ): Promise<void>;
  /** Disables; the row stays. @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deactivateUser(id: unknown, context: RequestContext): Promise<void>;
}

export interface UserAdministrationDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly addresses: Addresses;
  readonly grants: Grants;
  readonly policies: ManagePolicies;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly passwordRules: PasswordRules;
}

type Parsed = ReturnType<typeof parseUserInput<EmailAddress | undefined>>;

export function createUserAdministration(parts: UserAdministrationDeps): UserAdministration {
  const { users, grants, oneTimePasswords, sessions, hasher } = parts;
  const { em, transaction, query } = parts.unitOfWork;

  const rules = createUserRules(parts.policies);

  /** The user, locked, and what the actor may do now. */
  const claim = async (rawId: unknown, actor: Actor, permission: AdministrativePermission) => {
    const id = parseId(rawId);
    const user = id === undefined ? null : await users.lockById(id);
    if (!user) throw new Problem('NOT_FOUND');
    const rights = await parts.policies.forActor(actor, permission);
    rights.assertCanManage(user);
    return { user, rights };
  };

  const requireFree = async (
    { email, username }: Pick<Parsed, 'email' | 'username'>,
    own?: User,
  ): Promise<void> => {
    const fields = [];
    if (email !== undefined && !(await parts.addresses.claim(email, own?.id)))
      fields.push({ path: 'email', message: 'Is taken.' });
    const isNewName = username != null && username.toLowerCase() !== own?.username?.toLowerCase();
    if (isNewName && !(await users.lockByUsername(username))) {
      fields.push({ path: 'username', message: 'Is taken.' });
    }
    if (fields.length > 0) throw new Problem('ALREADY_EXISTS', { fields });
  };

  const applyGrants = async (rights: ActorRights, user: User, parsed: Parsed) => {
    const { groupIds, permissionIds } = parsed;
    if (groupIds) await grants.setGroups(rights, new Map([[user.id, groupIds]]));
    if (permissionIds) await grants.setPermissions(rights, new Map([[user.id, permissionIds]]));
  };

  const applyStaff = async (rights: ActorRights, user: User, isStaff: boolean | undefined) => {
    if (isStaff === undefined || isStaff === user.isStaff) return;
    if (isStaff) await rules.assertHolds(rights, { id: user.id, isStaff });
    user.isStaff = isStaff;
  };

  const setStatus = async (user: User, status: 'ACTIVE' | 'DISABLED') => {
    if (user.status === status) return;
    if (status === 'DISABLED') await users.requireAnotherSuperuser(user);
    user.status = status;
    user.pendingEmail = null;
    await oneTimePasswords.endAll(user.id, ['verify-email', 'reset-password', 'change-email']);
    if (status === 'DISABLED') await oneTimePasswords.endAll(user.id, ['invite']);
  };

  const applyActive = async (rights: ActorRights, user: User, isActive: boolean | undefined) => {
    if (isActive === true && user.status !== 'ACTIVE') {
      await rules.assertHolds(rights, user);
      await setStatus(user, 'ACTIVE');
    }
    if (isActive === false) await setStatus(user, 'DISABLED');
  };

  const applyPassword = createApplyPassword(parts);

  /** The owner verifies the new address, by an invitation where there is no password yet. */
  const verifyAgain = async (user: User) => {
    if (user.status === 'DISABLED') return;
    if ((await users.findPasswordHash(user.id)) === undefined) {
      await oneTimePasswords.endAll(user.id, ['invite']);
      oneTimePasswords.issue({ user, kind: 'invite' });
    } else oneTimePasswords.issue({ user, kind: 'verify-email' });
  };

  const applyEmail = async (user: User, email: EmailAddress) => {
    user.email = email;
    user.emailVerifiedAt = null;
    user.pendingEmail = null;
    await oneTimePasswords.endAll(user.id, ['verify-email', 'reset-password', 'change-email']);
    await sessions.revokeAll(user.id, 'revoked');
    await verifyAgain(user);
  };

  /** What no password of the user may be made of. */
  const namesOf = async (rawId: unknown): Promise<readonly unknown[]> => {
    const id = parseId(rawId);
    const rows =
      id === undefined
        ? []
        : await query<Record<string, string | null>>(
            'select email, username, first_name, last_name from users where id = ?',
            [id],
          );
    return rows.flatMap((row) => Object.values(row));
  };

  const hashOf = async (password: string | undefined, context: RequestContext) =>
    password === undefined ? undefined : await hasher.hash(password, context.signal);

  return {
    async createUser(input, context) {
      const actor = requireAdministrator(context, 'users.add_user');
      const parsed = parseUserInput(input, { ...parts.passwordRules, about: [] }, parseEmail);
      const passwordHash = await hashOf(parsed.password, context);
      return transaction(async () => {
        const rights = await parts.policies.forActor(actor, 'users.add_user');
        await requireFree(parsed);
        const user = users.create({
          email: parsed.email,
          username: parsed.username ?? undefined,
          firstName: parsed.firstName ?? '',
          lastName: parsed.lastName ?? '',
          status: parsed.isActive ? 'ACTIVE' : 'PENDING',
          ...(passwordHash === undefined ? {} : { passwordHash }),
        });
        await em.flush();
        await applyGrants(rights, user, parsed);
        await applyStaff(rights, user, parsed.isStaff);
        if (passwordHash === undefined) oneTimePasswords.issue({ user, kind: 'invite' });
        else if (user.status === 'PENDING') oneTimePasswords.issue({ user, kind: 'verify-email' });
        return user;
      });
    },

    async updateUser(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_user');
      requireSomeField(input);
      // Refused again below, as the database says; here before a password costs anything.
      if (input.password && !actor.person.isSuperuser) throw new Problem('FORBIDDEN');
      const about = input.password === undefined ? [] : await namesOf(id);
      const parsed = parseUserInput(input, { ...parts.passwordRules, about }, (raw) =>
        optional(raw, parseEmail),
      );
      const passwordHash = await hashOf(parsed.password, context);
      return transaction(async () => {
        // The address's lock comes before the user's, as everywhere.
        if (parsed.email !== undefined) await users.lockAddress(parsed.email);
        const { user, rights } = await claim(id, actor, 'users.change_user');
        rules.assertCanUpdate(rights, user, parsed);
        const isMoved = parsed.email !== undefined && parsed.email !== user.email;
        if (isMoved) await rules.assertCanMove(rights, user);
        await requireFree(
          { email: isMoved ? parsed.email : undefined, username: parsed.username },
          user,
        );
        if (parsed.username !== undefined) user.username = parsed.username;
        user.firstName = parsed.firstName ?? user.firstName;
        user.lastName = parsed.lastName ?? user.lastName;
        if (isMoved && parsed.email !== undefined) await applyEmail(user, parsed.email);
        if (passwordHash !== undefined) await applyPassword(user, passwordHash);
        await applyGrants(rights, user, parsed);
        await applyStaff(rights, user, parsed.isStaff);
        await applyActive(rights, user, parsed.isActive);
        return user;
      });
    },

    async setGroupMembership(input, context) {
      const actor = requireAdministrator(context, 'users.change_user');
      const membership = parseMembership(input, parts.clock());
      return transaction(async () => {
        const { user, rights } = await claim(input.userId, actor, 'users.change_user');
        await grants.setMembership(rights, user, membership);
        return user;
      });
    },

    async setGrants({ groupIds, permissionIds }, context) {
      const actor = requireAdministrator(context, 'users.change_user');
      const rights = await parts.policies.forActor(actor, 'users.change_user');
      const userIds = [...new Set([...groupIds.keys(), ...permissionIds.keys()])];
      const found = await query<{ isSuperuser: boolean }>(
        `select is_superuser as "isSuperuser" from users
         where id = any(?::uuid[])`,
        [userIds],
      );
      if (found.length < userIds.length) throw new Problem('NOT_FOUND');
      for (const user of found) rights.assertCanManage(user);
      await grants.setGroups(rights, groupIds);
      await grants.setPermissions(rights, permissionIds);
    },

    async deactivateUser(id, context) {
      const actor = requireAdministrator(context, 'users.delete_user');
      await transaction(async () => {
        const { user, rights } = await claim(id, actor, 'users.delete_user');
        rights.assertNotSelf(user.id);
        await setStatus(user, 'DISABLED');
      });
    },
  };
}
