/** Accounts that an operator makes: users, staff and superusers, and the default administrator. */
import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseEmail,
  parseFields,
  parsePersonName,
  parseUsername,
} from '../../core/parse.ts';
import type { PasswordHasher } from '../../core/password-hash/password-hasher.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { User } from '../users/user.entity.ts';
import type { NewUser, Users } from '../users/users.ts';
import { type PasswordRules, parseNewPassword } from './new-password.ts';

export type AccountKind = 'user' | 'staff' | 'superuser';

/** Everything raw; blank stands for not given. */
export interface ProvisionInput {
  readonly email: unknown;
  readonly password: unknown;
  readonly username?: unknown;
  readonly firstName?: unknown;
  readonly lastName?: unknown;
}

export interface Provisioning {
  /**
   * Makes an account: PENDING, with a code mailed, or ACTIVE at once.
   *
   * @throws ALREADY_EXISTS, VALIDATION_FAILED
   */
  provision(
    input: ProvisionInput,
    account: { readonly kind: AccountKind; readonly isActive: boolean },
  ): Promise<User>;
  /**
   * Makes the first superuser, if there is none; safe on many replicas at once.
   *
   * @returns the new superuser, or nothing when there was one already
   * @throws ALREADY_EXISTS, VALIDATION_FAILED
   */
  provisionDefaultAdmin(input: ProvisionInput): Promise<User | undefined>;
}

export interface ProvisioningParts {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly addresses: Addresses;
  readonly oneTimePasswords: OneTimePasswords;
  readonly hasher: PasswordHasher;
  readonly passwordRules: PasswordRules;
}

export function createProvisioning(parts: ProvisioningParts): Provisioning {
  const { users, addresses, oneTimePasswords } = parts;
  const { run, lock } = parts.unitOfWork;

  const prepare = async (input: ProvisionInput): Promise<Omit<NewUser, 'status'>> => {
    const { password, ...profile } = parseProvisionInput(input, parts.passwordRules);
    return { ...profile, passwordHash: await parts.hasher.hash(password) };
  };

  const requireFree = async ({ email, username }: Pick<NewUser, 'email' | 'username'>) => {
    const fields = [];
    if (!(await addresses.claim(email))) fields.push({ path: 'email', message: 'Is taken.' });
    if (username && !(await users.claimUsername(username))) {
      fields.push({ path: 'username', message: 'Is taken.' });
    }
    if (fields.length > 0) throw new Problem('ALREADY_EXISTS', { fields });
  };

  const record = async (account: NewUser): Promise<User> => {
    await requireFree(account);
    const user = users.create(account);
    if (user.status === 'PENDING') oneTimePasswords.issue({ user, kind: 'verify-email' });
    return user;
  };

  return {
    async provision(input, { kind, isActive }) {
      const profile = await prepare(input);
      return run(() =>
        record({
          ...profile,
          status: isActive ? 'ACTIVE' : 'PENDING',
          isStaff: kind !== 'user',
          isSuperuser: kind === 'superuser',
        }),
      );
    },

    async provisionDefaultAdmin(input) {
      if (await users.hasSuperuser()) return undefined;
      const profile = await prepare(input);
      return run(async () => {
        await lock('gatehouse:default-admin');
        if (await users.hasSuperuser()) return undefined;
        return record({ ...profile, status: 'ACTIVE', isStaff: true, isSuperuser: true });
      });
    },
  };
}

function parseProvisionInput(input: ProvisionInput, rules: PasswordRules) {
  const name = (raw: unknown) => optional(raw === '' ? undefined : raw, parsePersonName);
  const { firstName, lastName, ...rest } = parseFields({
    email: () => parseEmail(input.email),
    username: () => optional(input.username === '' ? undefined : input.username, parseUsername),
    firstName: () => name(input.firstName),
    lastName: () => name(input.lastName),
    password: () =>
      parseNewPassword(input.password, rules, [
        input.email,
        input.username,
        input.firstName,
        input.lastName,
      ]),
  });
  return { ...rest, firstName: firstName ?? '', lastName: lastName ?? '' };
}
