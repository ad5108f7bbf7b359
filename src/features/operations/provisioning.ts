/** Accounts that an operator makes: users, staff and superusers, and the default administrator. */
import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseEmail,
  parseFields,
  parsePersonName,
  parseUsername,
} from '../../core/parse.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type PasswordRules, parseNewPassword } from '../authentication/apply-password.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { User } from '../users/user.entity.ts';
import { type NewUser, type Users, usernameKeyOf } from '../users/users.ts';

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

export interface ProvisioningDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly addresses: Addresses;
  readonly oneTimePasswords: OneTimePasswords;
  readonly hasher: PasswordHasher;
  readonly passwordRules: PasswordRules;
}

export function createProvisioning(parts: ProvisioningDeps): Provisioning {
  const { users, addresses, oneTimePasswords } = parts;
  const { transaction, lock } = parts.unitOfWork;

  const prepare = async (input: ProvisionInput): Promise<Omit<NewUser, 'status'>> => {
    const { password, ...profile } = parseProvisionInput(input, parts.passwordRules);
    return { ...profile, passwordHash: await parts.hasher.hash(password) };
  };

  const requireFree = async ({ email, username }: Pick<NewUser, 'email' | 'username'>) => {
    const fields = [];
    if (!(await addresses.claim(email))) fields.push({ path: 'email', message: 'Is taken.' });
    if (username && !(await users.lockByUsername(username))) {
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
      return transaction(() =>
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
      return transaction(async () => {
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

/** Each answers why the text cannot be used, in a sentence; undefined when it can. Blank optional ones can. */
export interface ProvisioningChecks {
  email(raw: string): Promise<string | undefined>;
  username(raw: string): Promise<string | undefined>;
  personName(raw: string): string | undefined;
  /** @param about what else was answered, which must not be the password */
  password(raw: string, about: readonly string[]): string | undefined;
}

export function createProvisioningChecks(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly passwordRules: PasswordRules;
}): ProvisioningChecks {
  const { query, withEntityManager } = parts.unitOfWork;
  const isThere = async (condition: string, value: string) =>
    (await withEntityManager(() => query(`select 1 from users where ${condition}`, [value])))
      .length > 0;

  return {
    async email(raw) {
      const fault = faultOf(() => parseEmail(raw));
      if (fault !== undefined) return fault;
      const isTaken = await isThere('email = ?', parseEmail(raw));
      return isTaken ? 'Is taken.' : undefined;
    },
    async username(raw) {
      if (raw === '') return undefined;
      const fault = faultOf(() => parseUsername(raw));
      if (fault !== undefined) return fault;
      const username = parseUsername(raw).toLowerCase();
      return (await isThere(`${usernameKeyOf('username')} = ?`, username))
        ? 'Is taken.'
        : undefined;
    },
    personName: (raw) => (raw === '' ? undefined : faultOf(() => parsePersonName(raw))),
    password: (raw, about) => faultOf(() => parseNewPassword(raw, parts.passwordRules, about)),
  };
}

function faultOf(parse: () => unknown): string | undefined {
  try {
    parseFields({ value: parse });
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.fields[0]?.message ?? error.message;
  }
}
