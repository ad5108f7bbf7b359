/**
 * Asking for an account and proving its address. Until then password and profile belong to the code
 * of the registration that brought them, so nobody gets a say in an address that is not theirs.
 */
import { randomUUID } from 'node:crypto';
import type { Context } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import {
  type EmailAddress,
  optional,
  parseEmail,
  parseFields,
  parsePersonName,
  parseUsername,
  refuse,
  type Username,
} from '../../core/parse.ts';
import type { PasswordHasher } from '../../core/password-hash/password-hasher.ts';
import type { Tasks } from '../../db/job-tasks.ts';
import { enqueueJob } from '../../db/jobs.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { Attempts } from '../attempts/attempts.ts';
import type { Registration } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import { type PasswordRules, parseConfirmation, parseNewPassword } from './new-password.ts';
import { createUseCode } from './use-code.ts';

/** Everything raw; `register` finds out what it is. */
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
  register(input: RegisterInput, context: Context): Promise<void>;
  /** @throws THROTTLED, VALIDATION_FAILED */
  resendVerificationEmail(email: unknown): Promise<void>;
  /** @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED */
  verifyEmail(code: unknown): Promise<void>;
  readonly tasks: Tasks;
}

export interface RegistrationParts {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly hasher: PasswordHasher;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly passwordRules: PasswordRules;
}

const resendTask = 'resend-verification';

interface Registrant {
  readonly email: EmailAddress;
  readonly locale: string;
  /** Whether the owner, if the address has one, may be told. */
  readonly isNoticeAllowed: boolean;
}

export function createRegistrations(parts: RegistrationParts): Registrations {
  const { users, oneTimePasswords, attempts } = parts;
  const { em, run } = parts.unitOfWork;

  /** Usernames are public, so a taken one is said; the address does not enter into it. */
  const requireFreeUsername = async (username: Username | undefined) => {
    const isTaken = username !== undefined && (await users.isUsernameTaken(username));
    parseFields({ username: () => isTaken && refuse('Is taken; choose another one.') });
  };

  /** Does and undoes what a free address costs, so that a taken one takes the same time. */
  const pretend = async (registration: Registration, locale: string) => {
    const undone = new Error('undone');
    const work = async () => {
      const email = `${randomUUID()}@undone.invalid` as EmailAddress; // never seen by anybody
      const user = users.create({ email, status: 'PENDING', locale });
      await oneTimePasswords.issueVerification(user, registration);
      await em.flush();
      throw undone;
    };
    await em.transactional(work).catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  };

  const record = async (
    { email, locale, isNoticeAllowed }: Registrant,
    registration: Registration,
  ) => {
    const user = await users.claimEmail(email);
    if (user && user.status !== 'PENDING') {
      await pretend(registration, locale);
      if (isNoticeAllowed) await enqueueMail(em, { mail: 'already-registered', userId: user.id });
      return;
    }
    const owner = user ?? users.create({ email, status: 'PENDING', locale });
    await oneTimePasswords.issueVerification(owner, registration);
  };

  const apply = async (user: User, { passwordHash, ...profile }: Registration) => {
    await users.setPasswordHash(user, passwordHash);
    user.firstName = profile.firstName;
    user.lastName = profile.lastName;
    // Taken meanwhile: the address is proved all the same, and another name can be chosen later.
    const username = profile.username as Username | null; // parsed when it was registered
    if (username && (await users.claimUsername(username))) user.username = username;
  };

  /** Whether the code was good. */
  const confirm = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf('verify-email', code);
    const user = owner ? await users.claim(owner.userId) : null;
    const proof = await oneTimePasswords.consume('verify-email', code);
    if (!user || !isUnverified(user) || user.email !== proof?.email) return false;
    if (user.status === 'PENDING' && proof.registration) await apply(user, proof.registration);
    user.status = 'ACTIVE';
    user.emailVerifiedAt = parts.clock();
    await oneTimePasswords.endAll(user.id, ['verify-email']);
    return true;
  };

  const useCode = createUseCode(parts);

  return {
    async register(input, context) {
      const { password, email, firstName, lastName, username } = parseFields({
        email: () => parseEmail(input.email),
        firstName: () => parsePersonName(input.firstName),
        lastName: () => parsePersonName(input.lastName),
        username: () => optional(input.username, parseUsername),
        password: () =>
          parseNewPassword(input.password, parts.passwordRules, [
            input.email,
            input.firstName,
            input.lastName,
            input.username,
          ]),
        passwordConfirmation: () => parseConfirmation(input.passwordConfirmation, input.password),
      });
      using _place = parts.hasher.place();
      const passwordHash = await attempts.spendMail(email, async () => {
        await requireFreeUsername(username);
        return parts.hasher.hash(password, context.signal);
      });
      const isNoticeAllowed = await attempts.maySendNotice(email);
      const registrant = { email, locale: context.client.locale, isNoticeAllowed };
      await run(() =>
        record(registrant, { passwordHash, firstName, lastName, username: username ?? null }),
      );
    },

    async resendVerificationEmail(raw) {
      const { email } = parseFields({ email: () => parseEmail(raw) });
      if (!(await attempts.maySendMail(email))) return;
      // Looked up by the job, so that known and unknown addresses cost the caller the same.
      await run(() => enqueueJob(em, resendTask, { email }));
    },

    verifyEmail: (code) => useCode(code, confirm),

    tasks: {
      [resendTask]: ({ email }) =>
        run(async () => {
          const user = await users.claimEmail(email as EmailAddress); // parsed before it was recorded
          if (user && isUnverified(user)) await oneTimePasswords.reissueVerifications(user);
        }),
    },
  };
}

/** A code is for accounts that wait, and for those in use whose address an administrator set. */
function isUnverified({ status, emailVerifiedAt }: User): boolean {
  return status === 'PENDING' || (status === 'ACTIVE' && emailVerifiedAt === null);
}
