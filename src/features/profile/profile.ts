/** The caller's own account: update of the profile and deactivation. */

import { Problem } from '../../core/errors.ts';
import {
  assertField,
  type EmailAddress,
  optional,
  parseEmail,
  parseFields,
  parseLastName,
  parseLocale,
  parsePersonName,
  parsePresentedPassword,
  parseUsernameOrNone,
  rejectValue,
  type Username,
} from '../../core/parse.ts';
import {
  type RequestContext,
  requireSession,
  type SessionActor,
} from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import { createFindCredentialOwner } from '../access/credential-owner.ts';
import { checkNewAddress } from '../authentication/apply-password.ts';
import type { Reauthentication, VerifiedPassword } from '../authentication/reauthentication.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { EmailChanges } from './email-change.ts';

/** Unparsed input. An absent field stays unchanged. */
export interface UpdateProfileInput {
  readonly firstName?: unknown;
  readonly lastName?: unknown;
  readonly username?: unknown;
  readonly locale?: unknown;
  /** Starts an email change, which needs the password. */
  readonly email?: unknown;
  readonly password?: unknown;
}

/** Unparsed input. */
export interface DeactivateAccountInput {
  readonly email: unknown;
  readonly password: unknown;
}

export interface Profiles {
  /** Applies all fields or none. @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED */
  updateProfile(input: UpdateProfileInput, context: RequestContext): Promise<User>;
  /** @throws INVALID_CREDENTIALS when they are not the caller's own, PROTECTED, THROTTLED, VALIDATION_FAILED */
  deactivateAccount(input: DeactivateAccountInput, context: RequestContext): Promise<void>;
}

export interface ProfilesDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction' | 'query'>;
  readonly users: Pick<Users, 'lockById' | 'lockByUsername' | 'requireAnotherSuperuser'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'endAll'>;
  readonly reauthentication: Reauthentication;
  readonly emailChanges: Pick<EmailChanges, 'begin'>;
  readonly attemptLimits: Pick<AttemptLimits, 'limitEmailChange'>;
}

/** A new address, with the password that was verified for it. */
interface VerifiedAddress {
  readonly newEmail: EmailAddress;
  readonly verified: VerifiedPassword;
}

type Profile = Omit<ReturnType<typeof parseProfile>, 'email' | 'password'>;

export function createProfiles(deps: ProfilesDeps): Profiles {
  const { users, oneTimePasswords, reauthentication, emailChanges } = deps;
  const { transaction } = deps.unitOfWork;
  const findCredentialOwner = createFindCredentialOwner(deps.unitOfWork);

  const applyUsername = async (user: User, username: Username | null) => {
    const isSame = user.username?.toLowerCase() === username?.toLowerCase();
    const isFree = username === null || isSame || (await users.lockByUsername(username));
    assertField('username', isFree, 'Is taken; choose another one.');
    user.username = username;
  };

  const applyProfile = async (user: User, profile: Profile) => {
    if (profile.username !== undefined) await applyUsername(user, profile.username);
    user.firstName = profile.firstName ?? user.firstName;
    user.lastName = profile.lastName ?? user.lastName;
    user.locale = profile.locale ?? user.locale;
  };

  const lockCaller = async (actor: SessionActor): Promise<User> => {
    const user = await users.lockById(actor.user.id);
    if (!user) throw new Problem('UNAUTHENTICATED');
    await findCredentialOwner(actor);
    return user;
  };

  const verifyAddress = async (
    newEmail: EmailAddress,
    given: string | undefined,
    context: RequestContext,
  ): Promise<VerifiedAddress> => {
    const { password } = parseFields({
      password: () => given ?? rejectValue('Must be given to change the address.'),
    });
    const actor = requireSession(context);
    const verified = await reauthentication.reauthenticate(actor, password, context);
    parseFields({ email: () => checkNewAddress(newEmail, password) });
    return { newEmail, verified };
  };

  return {
    async updateProfile(input, context) {
      const actor = requireSession(context);
      const { email, password, ...profile } = parseProfile(input);
      const change =
        email === undefined || email === actor.user.email
          ? undefined
          : await verifyAddress(email, password, context);
      const update = () =>
        transaction(async () => {
          if (change) {
            await emailChanges.begin(change.newEmail, () =>
              reauthentication.lockReauthenticated(actor, change.verified),
            );
          }
          const user = await lockCaller(actor);
          await applyProfile(user, profile);
          return user;
        });
      if (!change) return update();
      const account = accountOf({ kind: 'email', value: actor.user.email });
      return deps.attemptLimits.limitEmailChange(account, update);
    },

    async deactivateAccount(input, context) {
      const actor = requireSession(context);
      const { email, password } = parseFields({
        email: () => parseEmail(input.email),
        password: () => parsePresentedPassword(input.password),
      });
      const isOwn = email === actor.user.email;
      const verified = await reauthentication.reauthenticate(actor, password, context, isOwn);
      await transaction(async () => {
        const user = await reauthentication.lockReauthenticated(actor, verified);
        await users.requireAnotherSuperuser(user);
        user.status = 'DISABLED';
        user.pendingEmail = null;
        await oneTimePasswords.endAll(user.id, [
          'verify-email',
          'reset-password',
          'change-email',
          'invite',
        ]);
      });
    },
  };
}

function parseProfile(input: UpdateProfileInput) {
  return parseFields({
    firstName: () => optional(input.firstName, parsePersonName),
    lastName: () => optional(input.lastName, parseLastName),
    username: () => optional(input.username, parseUsernameOrNone),
    locale: () => optional(input.locale, parseLocale),
    email: () => optional(input.email, parseEmail),
    password: () => optional(input.password, parsePresentedPassword),
  });
}
