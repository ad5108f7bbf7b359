/**
 * Email verification with the code of a mail. The code of a registration creates an account. The code of
 * an account that an administrator or operator created activates that account.
 */

import { Problem } from '../../core/errors.ts';
import {
  assertField,
  type EmailAddress,
  optional,
  parseEmail,
  parseFields,
  parsePastedSecret,
  parsePresentedPassword,
} from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { readShortCode } from '../../crypto/one-time-secret.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { PendingRegistrations } from '../registrations/registrations.ts';
import type { ShortCodes } from '../registrations/short-codes.ts';
import type { Users } from '../users/users.ts';
import { createConsumeCode } from './consume-code.ts';
import { isUnverified } from './pending-accounts.ts';
import type { RegisteredAccounts } from './registered-accounts.ts';

/** Unparsed input. */
export interface VerifyEmailInput {
  /** The long code, or the short one with the address. */
  readonly code: unknown;
  /** The address of the code: required with a short code, checked with a long one. */
  readonly email?: unknown;
  /** The password of the registration, when the page requests it. */
  readonly password?: unknown;
}

export interface VerificationCodeOwner {
  /** The long code, also when the caller has the short one. */
  readonly code: string;
  readonly email: string;
  readonly isRegistration: boolean;
  /**
   * Whether the page requires the password: for a registration, and for an account with a password that
   * is already active. Without it the owner of the address could verify the account of another person.
   */
  readonly needsPassword: boolean;
}

export interface EmailVerification {
  /**
   * The password is optional. If present, it must be that of the registration or account. A wrong
   * password counts like a failed login, and the code stays valid.
   *
   * @throws INVALID_CODE, INVALID_CREDENTIALS, OVERLOADED, THROTTLED, VALIDATION_FAILED
   */
  verifyEmail(input: VerifyEmailInput, context: RequestContext): Promise<void>;
  /**
   * Removes the registration that the code belongs to.
   *
   * @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED
   */
  cancelRegistration(code: unknown): Promise<void>;
  /**
   * The owner of a valid code. Counts in the rate limit of codes, and a wrong short code at the address. Changes
   * nothing else.
   *
   * @throws THROTTLED, VALIDATION_FAILED
   */
  ownerOfCode(
    input: Omit<VerifyEmailInput, 'password'>,
  ): Promise<VerificationCodeOwner | undefined>;
}

export interface EmailVerificationDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly pendingRegistrations: PendingRegistrations;
  readonly registeredAccounts: RegisteredAccounts;
  readonly shortCodes: ShortCodes;
  readonly hasher: PasswordHasher;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
  readonly clock: Clock;
}

const kind = 'verify-email';

export function createEmailVerification(deps: EmailVerificationDeps): EmailVerification {
  const { users, oneTimePasswords, pendingRegistrations, attemptLimits, audit } = deps;

  /** Whether the code was valid. */
  const confirmRegistration = async (code: string): Promise<boolean> => {
    const found = await pendingRegistrations.find(code);
    if (!found) return false;
    const owner = await users.ownerOfEmail(found.email);
    if (owner !== undefined) return false;
    const registration = await pendingRegistrations.consume(code);
    return registration !== undefined && (await createAccount(registration));
  };

  const createAccount = async (
    registration: Parameters<RegisteredAccounts['create']>[0],
  ): Promise<boolean> => {
    const user = await deps.registeredAccounts.create(registration, { isVerified: true });
    if (!user) return false;
    const target = { type: 'user', id: user.id } as const;
    await audit.append({ action: 'registration-confirmed', target });
    return true;
  };

  /** Whether the code was valid. */
  const activateAccount = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    const user = owner ? await users.lockById(owner.userId) : null;
    const consumed = await oneTimePasswords.consume(kind, code);
    if (!user || !isUnverified(user) || user.email !== consumed?.email) return false;
    user.status = 'ACTIVE';
    user.emailVerifiedAt = deps.clock();
    await oneTimePasswords.endAll(user.id, [kind]);
    return true;
  };

  /** Whether the code was valid. */
  const cancel = async (code: string): Promise<boolean> => {
    const found = await pendingRegistrations.find(code);
    if (!found) return false;
    await users.lockAddress(found.email);
    if (!(await pendingRegistrations.consume(code))) return false;
    const target = { type: 'registration', id: found.id } as const;
    await audit.append({ action: 'registration-cancelled', target });
    return true;
  };

  const isActiveWithPassword = async (userId: string): Promise<boolean> => {
    const rows = await deps.unitOfWork.query(
      `select 1 from users u join password_hashes h on h.user_id = u.id
       where u.id = ? and u.status = 'ACTIVE'`,
      [userId],
    );
    return rows.length > 0;
  };

  const passwordHashOf = async (code: string) => {
    const registration = await pendingRegistrations.find(code);
    if (registration) return { email: registration.email, hash: registration.passwordHash };
    const owner = await oneTimePasswords.ownerOf(kind, code);
    return owner && { email: owner.email, hash: await users.findPasswordHash(owner.userId) };
  };

  /** Does nothing for an unknown code: its consumption fails afterwards, without hashing. */
  const requirePassword = async (code: string, password: string, context: RequestContext) => {
    const found = await passwordHashOf(code);
    if (!found) return;
    using _slot = deps.hasher.reserveSlot();
    const account = accountOf({ kind: 'email', value: found.email });
    // The caller has a code from the mailbox, so failed logins of strangers must not block the caller.
    const limited = attemptLimits.limitPassword({ account, isKnownNetwork: true });
    if (await deps.hasher.verify(found.hash, password, context.signal, limited)) return;
    await audit.append({ action: 'password-asked', denial: 'INVALID_CREDENTIALS' });
    throw new Problem('INVALID_CREDENTIALS');
  };

  const consumeCode = createConsumeCode({
    ...deps,
    oneTimePasswords: {
      isKnown: async (code) =>
        (await pendingRegistrations.isKnown(code)) || oneTimePasswords.isKnown(code),
    },
  });

  const ownerOf = async (code: string): Promise<VerificationCodeOwner | undefined> => {
    const registration = await pendingRegistrations.find(code);
    if (registration) {
      return { code, email: registration.email, isRegistration: true, needsPassword: true };
    }
    const owner = await oneTimePasswords.ownerOf(kind, code);
    if (!owner?.isLive) return undefined;
    const needsPassword = await isActiveWithPassword(owner.userId);
    return { code, email: owner.email, isRegistration: false, needsPassword };
  };

  /** The long code that `code` is or stands for; undefined when it is wrong for the address. */
  const longCodeOf = async (
    code: string,
    email: EmailAddress | undefined,
  ): Promise<string | undefined> => {
    const shortCode = readShortCode(code);
    if (shortCode === undefined) {
      const found = email === undefined ? undefined : await passwordHashOf(code);
      return found === undefined || found.email === email ? code : undefined;
    }
    assertField('email', email !== undefined, emailNeeded);
    return email && deps.shortCodes.redeem(email, shortCode);
  };

  return {
    async verifyEmail(input, context) {
      const { password, ...typed } = parseFields({
        ...codeParsers(input),
        password: () => optional(input.password, parsePresentedPassword),
      });
      const code = await longCodeOf(typed.code, typed.email);
      if (code === undefined) throw new Problem('INVALID_CODE');
      if (password !== undefined) await requirePassword(code, password, context);
      await consumeCode(
        code,
        async () => (await confirmRegistration(code)) || activateAccount(code),
      );
    },
    cancelRegistration: (code) => consumeCode(code, cancel),
    async ownerOfCode(input) {
      const typed = parseFields(codeParsers(input));
      if (readShortCode(typed.code) === undefined) await attemptLimits.consumeCode();
      const code = await longCodeOf(typed.code, typed.email);
      if (code !== undefined) return ownerOf(code);
      audit.logDenial('verifyEmail', 'INVALID_CODE');
      return undefined;
    },
  };
}

const emailNeeded = 'Is needed with a short code: send the address that received it.';

function codeParsers({ code, email }: Omit<VerifyEmailInput, 'password'>) {
  return {
    code: () => parsePastedSecret(code),
    email: () => optional(email, parseEmail),
  };
}
