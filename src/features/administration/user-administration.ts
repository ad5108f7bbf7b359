/** Users as administrators manage them. */
import type { Actor, Context } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import { Problem } from '../../core/errors.ts';
import {
  type EmailAddress,
  optional,
  parseBoolean,
  parseEmail,
  parseFields,
  parseId,
  parseIds,
  parsePersonName,
  parseUsername,
  refuse,
} from '../../core/parse.ts';
import type { PasswordHasher } from '../../core/password-hash/password-hasher.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { Access } from '../access/access.ts';
import { type PasswordRules, parseNewPassword } from '../accounts/new-password.ts';
import { createSetPassword } from '../accounts/set-password.ts';
import type { Audit } from '../audit/audit.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { Grants } from './grants.ts';
import { requireAdministrator, requireHolds, requireMayTouch } from './rules.ts';

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

export interface UserAdministration {
  /**
   * Makes an account. Without a password its owner is invited to choose one; with `isActive` it is
   * active at once, otherwise when its owner has proved the address.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, VALIDATION_FAILED
   */
  createUser(input: UserInput, context: Context): Promise<User>;
  /** @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED */
  updateUser(id: unknown, input: UserInput, context: Context): Promise<User>;
  /**
   * Makes somebody a member of a group until a time, or for good; members get the new time.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED
   */
  setGroupMembership(input: GroupMembershipInput, context: Context): Promise<User>;
  /** Disables; the row stays. @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deactivateUser(id: unknown, context: Context): Promise<void>;
}

export interface UserAdministrationParts {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly access: Access;
  readonly grants: Grants;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly passwordRules: PasswordRules;
}

type Parsed = ReturnType<typeof parseInput<EmailAddress | undefined>>;

export function createUserAdministration(parts: UserAdministrationParts): UserAdministration {
  const { users, access, grants, oneTimePasswords, sessions, hasher } = parts;
  const { em, run, query } = parts.unitOfWork;

  const claim = async (rawId: unknown, actor: Actor): Promise<User> => {
    const id = parseId(rawId);
    const user = id === undefined ? null : await users.claim(id);
    if (!user) throw new Problem('NOT_FOUND');
    requireMayTouch(actor, user);
    return user;
  };

  const requireFree = async (
    { email, username }: Pick<Parsed, 'email' | 'username'>,
    own?: User,
  ): Promise<void> => {
    const fields = [];
    const owner = email === undefined ? undefined : await users.ownerOfEmail(email);
    if (owner !== undefined && owner !== own?.id)
      fields.push({ path: 'email', message: 'Is taken.' });
    const isNewName =
      username !== undefined && username.toLowerCase() !== own?.username?.toLowerCase();
    if (isNewName && !(await users.claimUsername(username))) {
      fields.push({ path: 'username', message: 'Is taken.' });
    }
    if (fields.length > 0) throw new Problem('ALREADY_EXISTS', { fields });
  };

  const applyGrants = async (actor: Actor, user: User, { groupIds, permissionIds }: Parsed) => {
    if (groupIds) await grants.setGroups(actor, user, groupIds);
    if (permissionIds) await grants.setPermissions(actor, user, permissionIds);
  };

  /** Who becomes staff may hold no more than who makes them so. */
  const applyStaff = async (actor: Actor, user: User, isStaff: boolean | undefined) => {
    if (isStaff === undefined || isStaff === user.isStaff) return;
    if (isStaff) {
      await em.flush();
      requireHolds(actor, ['users.change_user', ...(await access.effectivePermissionsOf(user.id))]);
    }
    user.isStaff = isStaff;
  };

  /** Whoever can set a password or an address can become that person. */
  const requireMayImpersonate = async (actor: Actor, user: User) =>
    requireHolds(actor, await access.effectivePermissionsOf(user.id));

  const setStatus = async (user: User, status: 'ACTIVE' | 'DISABLED') => {
    if (user.status === status) return;
    if (status === 'DISABLED') await users.requireAnotherSuperuser(user);
    user.status = status;
    user.pendingEmail = null;
    await oneTimePasswords.endAll(user.id, ['verify-email', 'reset-password', 'change-email']);
  };

  /** An account that waits for its code is not active already. */
  const applyActive = async (user: User, isActive: boolean | undefined) => {
    if (isActive === true) await setStatus(user, 'ACTIVE');
    if (isActive === false && user.status === 'ACTIVE') await setStatus(user, 'DISABLED');
  };

  const setPassword = createSetPassword(parts);

  /** Who was to prove the former address has the new one to prove. */
  const proveAgain = async (user: User) => {
    if (user.status === 'DISABLED') return;
    if ((await users.findPasswordHash(user.id)) === undefined) {
      await oneTimePasswords.endAll(user.id, ['invite']);
      oneTimePasswords.issue({ user, kind: 'invite' });
    } else if (user.status === 'PENDING') await oneTimePasswords.issueVerification(user);
  };

  const applyEmail = async (user: User, email: EmailAddress) => {
    user.email = email;
    user.pendingEmail = null;
    await oneTimePasswords.endAll(user.id, ['verify-email', 'reset-password', 'change-email']);
    await sessions.endAllOf(user.id, 'revoked');
    await proveAgain(user);
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

  const hashOf = async (password: string | undefined, context: Context) =>
    password === undefined ? undefined : await hasher.hash(password, context.signal);

  return {
    async createUser(input, context) {
      const actor = requireAdministrator(context, 'users.add_user');
      const parsed = parseInput(input, { ...parts.passwordRules, about: [] }, parseEmail);
      const passwordHash = await hashOf(parsed.password, context);
      return run(async () => {
        await requireFree(parsed);
        const user = users.create({
          email: parsed.email,
          username: parsed.username,
          firstName: parsed.firstName ?? '',
          lastName: parsed.lastName ?? '',
          status: parsed.isActive ? 'ACTIVE' : 'PENDING',
          ...(passwordHash === undefined ? {} : { passwordHash }),
        });
        await em.flush();
        await applyGrants(actor, user, parsed);
        await applyStaff(actor, user, parsed.isStaff);
        if (passwordHash === undefined) oneTimePasswords.issue({ user, kind: 'invite' });
        else if (user.status === 'PENDING') await oneTimePasswords.issueVerification(user);
        return user;
      });
    },

    async updateUser(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_user');
      const about = input.password === undefined ? [] : await namesOf(id);
      const parsed = parseInput(input, { ...parts.passwordRules, about }, (raw) =>
        optional(raw, parseEmail),
      );
      const passwordHash = await hashOf(parsed.password, context);
      return run(async () => {
        // The address's lock comes before the user's, as everywhere.
        if (parsed.email !== undefined) await users.ownerOfEmail(parsed.email);
        const user = await claim(id, actor);
        const isMoved = parsed.email !== undefined && parsed.email !== user.email;
        if (isMoved || passwordHash !== undefined) await requireMayImpersonate(actor, user);
        await requireFree(
          { email: isMoved ? parsed.email : undefined, username: parsed.username },
          user,
        );
        user.username = parsed.username ?? user.username;
        user.firstName = parsed.firstName ?? user.firstName;
        user.lastName = parsed.lastName ?? user.lastName;
        if (isMoved && parsed.email !== undefined) await applyEmail(user, parsed.email);
        if (passwordHash !== undefined) await setPassword(user, passwordHash);
        await applyGrants(actor, user, parsed);
        await applyStaff(actor, user, parsed.isStaff);
        await applyActive(user, parsed.isActive);
        return user;
      });
    },

    async setGroupMembership(input, context) {
      const actor = requireAdministrator(context, 'users.change_user');
      const membership = parseFields({
        groupId: () => parseId(input.groupId) ?? refuse('Must be an id.'),
        expiresAt: () =>
          optional(input.expiresAt, (raw) => parseExpiry(raw, parts.clock())) ?? null,
      });
      return run(async () => {
        const user = await claim(input.userId, actor);
        await grants.setMembership(actor, user, membership);
        return user;
      });
    },

    async deactivateUser(id, context) {
      const actor = requireAdministrator(context, 'users.delete_user');
      await run(async () => setStatus(await claim(id, actor), 'DISABLED'));
    },
  };
}

function parseExpiry(raw: unknown, now: Date): Date {
  return raw instanceof Date && raw > now ? raw : refuse('Must be a time to come.');
}

function parseInput<Email>(
  input: UserInput,
  rules: PasswordRules & { readonly about: readonly unknown[] },
  readEmail: (raw: unknown) => Email,
) {
  return parseFields({
    email: () => readEmail(input.email),
    username: () => optional(input.username, parseUsername),
    firstName: () => optional(input.firstName, parsePersonName),
    lastName: () => optional(input.lastName, parsePersonName),
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
