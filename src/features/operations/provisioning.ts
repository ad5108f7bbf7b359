/** Creates the accounts of the command line: users, staff, superusers and the default administrator. */
import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseEmail,
  parseExternalId,
  parseFields,
  parsePersonName,
  parseUsername,
} from '../../core/parse.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type PasswordRules, parseNewPassword } from '../authentication/apply-password.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { AssertIdentifiersFree } from '../registrations/identifiers.ts';
import { parseMetadata } from '../users/metadata.ts';
import type { User } from '../users/user.entity.ts';
import { type NewUser, type Users, usernameKeyOf } from '../users/users.ts';

export type AccountKind = 'user' | 'staff' | 'superuser';

/** Unparsed input. An empty text stands for a field that is left out. */
export interface ProvisionInput {
  readonly email: unknown;
  readonly password: unknown;
  readonly username?: unknown;
  readonly firstName?: unknown;
  readonly lastName?: unknown;
  readonly externalId?: unknown;
  readonly metadata?: unknown;
}

export interface Provisioning {
  /**
   * Creates an account that is ACTIVE, or PENDING with a code in a mail.
   *
   * @throws ALREADY_EXISTS, VALIDATION_FAILED
   */
  provision(
    input: ProvisionInput,
    account: { readonly kind: AccountKind; readonly isActive: boolean },
  ): Promise<User>;
  /**
   * Creates the first superuser, if there is none. Several replicas may call it at once.
   *
   * @returns the new superuser, or undefined if one exists
   * @throws ALREADY_EXISTS, VALIDATION_FAILED
   */
  provisionDefaultAdmin(input: ProvisionInput): Promise<User | undefined>;
}

export interface ProvisioningDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Pick<Users, 'create' | 'hasSuperuser'>;
  readonly assertIdentifiersFree: AssertIdentifiersFree;
  readonly oneTimePasswords: OneTimePasswords;
  readonly hasher: PasswordHasher;
  readonly passwordRules: PasswordRules;
}

export function createProvisioning(deps: ProvisioningDeps): Provisioning {
  const { users, oneTimePasswords } = deps;
  const { transaction, lock } = deps.unitOfWork;

  const parseAndHash = async (input: ProvisionInput): Promise<Omit<NewUser, 'status'>> => {
    const { password, ...profile } = parseProvisionInput(input, deps.passwordRules);
    return { ...profile, passwordHash: await deps.hasher.hash(password) };
  };

  const createAccount = async (account: NewUser): Promise<User> => {
    await deps.assertIdentifiersFree(account);
    const user = users.create(account);
    if (user.status === 'PENDING') oneTimePasswords.issue({ user, kind: 'verify-email' });
    return user;
  };

  return {
    async provision(input, { kind, isActive }) {
      const profile = await parseAndHash(input);
      return transaction(() =>
        createAccount({
          ...profile,
          status: isActive ? 'ACTIVE' : 'PENDING',
          isStaff: kind !== 'user',
          isSuperuser: kind === 'superuser',
        }),
      );
    },

    async provisionDefaultAdmin(input) {
      if (await users.hasSuperuser()) return undefined;
      const profile = await parseAndHash(input);
      return transaction(async () => {
        await lock('gatehouse:default-admin');
        if (await users.hasSuperuser()) return undefined;
        return createAccount({ ...profile, status: 'ACTIVE', isStaff: true, isSuperuser: true });
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
    externalId: () =>
      optional(input.externalId === '' ? undefined : input.externalId, parseExternalId),
    metadata: () => optional(input.metadata, parseMetadata),
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

/**
 * Checks of single fields, for the prompts. Each returns a sentence with the fault, or undefined. An
 * optional field may be empty.
 */
export interface ProvisioningChecks {
  email(raw: string): Promise<string | undefined>;
  username(raw: string): Promise<string | undefined>;
  personName(raw: string): string | undefined;
  /** @param about the other answers, which the password must not contain */
  password(raw: string, about: readonly string[]): string | undefined;
}

export function createProvisioningChecks(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly passwordRules: PasswordRules;
}): ProvisioningChecks {
  const { query, withEntityManager } = deps.unitOfWork;
  const hasUser = async (condition: string, value: string) =>
    (await withEntityManager(() => query(`select 1 from users where ${condition}`, [value])))
      .length > 0;

  return {
    async email(raw) {
      const fault = faultOf(() => parseEmail(raw));
      if (fault !== undefined) return fault;
      const isTaken = await hasUser('email = ?', parseEmail(raw));
      return isTaken ? 'Is taken.' : undefined;
    },
    async username(raw) {
      if (raw === '') return undefined;
      const fault = faultOf(() => parseUsername(raw));
      if (fault !== undefined) return fault;
      const username = parseUsername(raw).toLowerCase();
      return (await hasUser(`${usernameKeyOf('username')} = ?`, username))
        ? 'Is taken.'
        : undefined;
    },
    personName: (raw) => (raw === '' ? undefined : faultOf(() => parsePersonName(raw))),
    password: (raw, about) => faultOf(() => parseNewPassword(raw, deps.passwordRules, about)),
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
