/**
 * Registration. `register` executes the same statements for every address: it adds a registration and
 * queues a job. The job checks whether an account owns the address.
 */

import {
  assertField,
  type EmailAddress,
  optional,
  parseEmail,
  parseFields,
  parseLastName,
  parsePersonName,
  parseUsernameOrNone,
  type Username,
} from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import { enqueueJob } from '../../jobs/worker.ts';
import { causedTask, withCause } from '../../mail/cause.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { PendingRegistrations } from '../registrations/registrations.ts';
import type { Users } from '../users/users.ts';
import type { AddressNotices } from './address-notices.ts';
import { type PasswordRules, parseConfirmation, parseNewPassword } from './apply-password.ts';
import { isUnverified, type PendingAccounts } from './pending-accounts.ts';

/** Unparsed input. */
export interface RegisterInput {
  readonly email: unknown;
  readonly password: unknown;
  readonly passwordConfirmation?: unknown;
  readonly firstName: unknown;
  readonly lastName: unknown;
  readonly username?: unknown;
}

export interface Registrations {
  /** @throws THROTTLED, OVERLOADED, VALIDATION_FAILED */
  register(input: RegisterInput, context: RequestContext): Promise<void>;
  /** @throws THROTTLED, VALIDATION_FAILED */
  resendVerificationEmail(email: unknown): Promise<void>;
  readonly tasks: Tasks;
}

export interface RegistrationDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly pendingRegistrations: PendingRegistrations;
  readonly pendingAccounts: PendingAccounts;
  readonly addressNotices: AddressNotices;
  readonly hasher: PasswordHasher;
  readonly attemptLimits: AttemptLimits;
  readonly passwordRules: PasswordRules;
}

const mailTask = 'mail-registrations';
const resendTask = 'resend-verification';

export function createRegistrations(deps: RegistrationDeps): Registrations {
  const { users, pendingRegistrations, attemptLimits } = deps;
  const { em, transaction } = deps.unitOfWork;

  /** Usernames are public, so the error may name a taken one. It does not depend on the address. */
  const requireFreeUsername = async (username: Username | undefined) => {
    const isFree = username === undefined || !(await users.isUsernameTaken(username));
    assertField('username', isFree, 'Is taken; choose another one.');
  };

  /** The mail of a registration, or the one to the account that owns its address. */
  const mailRegistrations = async (email: EmailAddress) => {
    const isOwned = await deps.addressNotices.notifyOwner(email);
    await transaction(async () => {
      await users.lockAddress(email);
      if (isOwned) return pendingRegistrations.removeAllOf(email);
      const delaySeconds = await pendingRegistrations.mailCodes(email);
      if (delaySeconds === undefined) return;
      // The key makes one job for all registrations of the address.
      await enqueueJob(em, mailTask, withCause({ email }), {
        key: `${mailTask}:${email}`,
        delaySeconds,
      });
    });
  };

  const resend = (email: EmailAddress) =>
    transaction(async () => {
      const owner = await users.lockByEmail(email);
      if (!owner) await pendingRegistrations.renewCodes(email);
      else if (isUnverified(owner)) await deps.pendingAccounts.remind(owner, 'resend');
    });

  return {
    async register(input, context) {
      const { password, email, ...profile } = parseInput(input, deps.passwordRules);
      using _slot = deps.hasher.reserveSlot();
      const passwordHash = await attemptLimits.limitMailRequest(async () => {
        await requireFreeUsername(profile.username);
        return deps.hasher.hash(password, context.signal);
      });
      const registration = { ...profile, email, passwordHash, locale: context.client.locale };
      await pendingRegistrations.add(registration, {
        task: mailTask,
        payload: withCause({ email }),
      });
    },

    async resendVerificationEmail(raw) {
      const { email } = parseFields({ email: () => parseEmail(raw) });
      // The job looks up the address, so that known and unknown addresses cost the caller the same.
      await attemptLimits.limitMailRequest(() =>
        transaction(() => enqueueJob(em, resendTask, { email })),
      );
    },

    // The addresses were parsed before they were queued.
    tasks: {
      [mailTask]: causedTask(({ email }) => mailRegistrations(email as EmailAddress)),
      [resendTask]: ({ email }) => resend(email as EmailAddress),
    },
  };
}

function parseInput(input: RegisterInput, rules: PasswordRules) {
  const { email, firstName, lastName, username } = input;
  const { passwordConfirmation: _confirmation, ...parsed } = parseFields({
    email: () => parseEmail(email),
    firstName: () => parsePersonName(firstName),
    lastName: () => parseLastName(lastName),
    username: () => optional(username, parseUsernameOrNone) ?? undefined,
    password: () => parseNewPassword(input.password, rules, [email, firstName, lastName, username]),
    passwordConfirmation: () => parseConfirmation(input.passwordConfirmation, input.password),
  });
  return parsed;
}
