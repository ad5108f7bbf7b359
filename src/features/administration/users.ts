/** The operations of administrators that create, update and disable users. */

import { isDeepStrictEqual } from 'node:util';
import { Problem } from '../../core/errors.ts';
import { type EmailAddress, parseId } from '../../core/parse.ts';
import { isUnlimitedSuperuser, type RequestContext } from '../../core/request-context.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import { announceForeignHashes } from '../../database/change-feed.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Audit } from '../audit/audit.ts';
import type { PasswordRules } from '../authentication/apply-password.ts';
import { createApplyPassword } from '../authentication/apply-password.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { AssertIdentifiersFree } from '../registrations/identifiers.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { Grants } from './grants/grants.ts';
import {
  assertSomeField,
  type NewUserInput,
  parseNewUserInput,
  parseUserInput,
  type UserInput,
} from './input.ts';
import { type ActorPolicies, type ActorRights, requireAdministrator } from './policies.ts';
import type { UserPolicies } from './user-policies.ts';

export interface UserAdministration {
  /**
   * Creates an account. Without a password and a hash of one, the owner gets an invitation to choose one. The account is
   * ACTIVE with `isActive`, and otherwise PENDING until its owner verifies the address.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, VALIDATION_FAILED
   */
  createUser(input: NewUserInput, context: RequestContext): Promise<User>;
  /**
   * Superusers alone change the password and the address of another user. Staff change the address of a
   * PENDING account, and the external id of every account, if they hold all rights of the account.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED
   */
  updateUser(id: unknown, input: UserInput, context: RequestContext): Promise<User>;
  /** Disables the account; the row stays. @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deactivateUser(id: unknown, context: RequestContext): Promise<void>;
}

export interface UserAdministrationDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly assertIdentifiersFree: AssertIdentifiersFree;
  readonly grants: Grants;
  readonly policies: Pick<ActorPolicies, 'forActor'>;
  readonly userPolicies: UserPolicies;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly apiKeys: Pick<ApiKeys, 'revokeAllOfUser'>;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly passwordRules: PasswordRules;
}

type ParsedInput = ReturnType<typeof parseUserInput>;

export function createUserAdministration(deps: UserAdministrationDeps): UserAdministration {
  const { users, grants, policies, userPolicies, oneTimePasswords, sessions, hasher } = deps;
  const { em, transaction, query } = deps.unitOfWork;

  const applyGrants = async (rights: ActorRights, user: User, parsed: ParsedInput) => {
    const { groupIds, permissionIds } = parsed;
    if (groupIds) await grants.setGroups(rights, new Map([[user.id, groupIds]]));
    if (permissionIds) await grants.setPermissions(rights, new Map([[user.id, permissionIds]]));
  };

  const applyStaff = async (rights: ActorRights, user: User, isStaff: boolean | undefined) => {
    if (isStaff === undefined || isStaff === user.isStaff) return;
    if (isStaff) await userPolicies.assertHoldsGrantsOf(rights, { id: user.id, isStaff });
    user.isStaff = isStaff;
  };

  /** A trigger of the database (migration 02) ends the sessions of an account that is no longer ACTIVE. */
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
      await userPolicies.assertHoldsGrantsOf(rights, user);
      await setStatus(user, 'ACTIVE');
    }
    if (isActive === false) await setStatus(user, 'DISABLED');
  };

  /** Other systems find their own account of the user by the external id. */
  const assertCanChangeExternalId = async (
    rights: ActorRights,
    user: User,
    externalId: string | null | undefined,
  ) => {
    if (externalId === undefined || externalId === user.externalId) return;
    await userPolicies.assertHoldsGrantsOf(rights, user);
  };

  const applyPassword = createApplyPassword(deps);

  /** Mails a code for the new address, or an invitation if the account has no password. */
  const requestVerification = async (user: User) => {
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
    await deps.apiKeys.revokeAllOfUser(user.id, 'email-set');
    await requestVerification(user);
  };

  /** The address and names of the user, which the password must not contain. */
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

  const hashPassword = async (password: string | undefined, context: RequestContext) =>
    password === undefined ? undefined : await hasher.hash(password, context.signal);

  return {
    async createUser(input, context) {
      const actor = requireAdministrator(context, 'users.add_user');
      const parsed = parseNewUserInput(input, { ...deps.passwordRules, about: [] });
      const passwordHash = parsed.passwordHash ?? (await hashPassword(parsed.password, context));
      return transaction(async () => {
        const rights = await policies.forActor(actor, 'users.add_user');
        await deps.assertIdentifiersFree(parsed);
        const user = users.create({
          email: parsed.email,
          username: parsed.username ?? undefined,
          firstName: parsed.firstName ?? '',
          lastName: parsed.lastName ?? '',
          externalId: parsed.externalId,
          metadata: parsed.metadata,
          status: parsed.isActive ? 'ACTIVE' : 'PENDING',
          ...(passwordHash === undefined ? {} : { passwordHash }),
        });
        await em.flush();
        if (parsed.passwordHash !== undefined) await query(announceForeignHashes, []);
        await applyGrants(rights, user, parsed);
        await applyStaff(rights, user, parsed.isStaff);
        if (passwordHash === undefined) oneTimePasswords.issue({ user, kind: 'invite' });
        else if (user.status === 'PENDING') oneTimePasswords.issue({ user, kind: 'verify-email' });
        return user;
      });
    },

    async updateUser(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_user');
      assertSomeField(input);
      // The transaction below checks this again. Here the check comes before the hash.
      if (input.password && !isUnlimitedSuperuser(actor)) throw new Problem('FORBIDDEN');
      const about = input.password === undefined ? [] : await namesOf(id);
      const parsed = parseUserInput(input, { ...deps.passwordRules, about });
      const passwordHash = await hashPassword(parsed.password, context);
      return transaction(async () => {
        // Every operation locks the address before the user.
        if (parsed.email !== undefined) await users.lockAddress(parsed.email);
        const { user, rights } = await userPolicies.lockManagedUser(id, actor, 'users.change_user');
        userPolicies.assertCanUpdate(rights, user, parsed);
        const newEmail = parsed.email === user.email ? undefined : parsed.email;
        if (newEmail !== undefined) await userPolicies.assertCanChangeEmail(rights, user);
        await assertCanChangeExternalId(rights, user, parsed.externalId);
        const { username, externalId } = parsed;
        await deps.assertIdentifiersFree({ email: newEmail, username, externalId }, user);
        applyProfile(user, parsed);
        if (newEmail !== undefined) await applyEmail(user, newEmail);
        if (passwordHash !== undefined) await applyPassword(user, passwordHash);
        await applyGrants(rights, user, parsed);
        await applyStaff(rights, user, parsed.isStaff);
        await applyActive(rights, user, parsed.isActive);
        return user;
      });
    },

    async deactivateUser(id, context) {
      const actor = requireAdministrator(context, 'users.delete_user');
      await transaction(async () => {
        const { user, rights } = await userPolicies.lockManagedUser(id, actor, 'users.delete_user');
        rights.assertNotSelf(user.id);
        await setStatus(user, 'DISABLED');
      });
    },
  };
}

function applyProfile(user: User, parsed: ParsedInput): void {
  const { username, firstName, lastName, externalId, metadata } = parsed;
  if (username !== undefined) user.username = username;
  user.firstName = firstName ?? user.firstName;
  user.lastName = lastName ?? user.lastName;
  if (externalId !== undefined) user.externalId = externalId;
  // The database returns the keys in another order, which is no change.
  if (metadata && !isDeepStrictEqual(metadata, user.metadata)) user.metadata = metadata;
}
