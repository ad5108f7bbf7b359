/** Choosing a new password: with a token from a mail, or with the present one. */

import { Problem } from '../../core/errors.ts';
import {
  type EmailAddress,
  parseEmail,
  parseFields,
  parseId,
  parsePastedSecret,
  parsePresentedPassword,
  readPastedSecret,
} from '../../core/parse.ts';
import { type RequestContext, requireActor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import { enqueueJob } from '../../jobs/worker.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import type { OneTimePasswordKind } from '../one-time-passwords/one-time-password.entity.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import {
  createApplyPassword,
  type PasswordRules,
  parseConfirmation,
  parseNewPassword,
} from './apply-password.ts';
import { type CheckCode, findValidCode, type ValidCode } from './consume-code.ts';
import type { PendingAccounts } from './pending-accounts.ts';
import type { Reauthentication } from './reauthentication.ts';

/** Everything raw. */
export interface ResetPasswordInput {
  readonly uid: unknown;
  readonly token: unknown;
  readonly password: unknown;
  readonly passwordConfirmation?: unknown;
}

/** Everything raw. */
export interface ChangePasswordInput {
  readonly currentPassword: unknown;
  readonly newPassword: unknown;
}

export interface Passwords {
  /** @throws THROTTLED, VALIDATION_FAILED */
  requestPasswordReset(email: unknown): Promise<void>;
  /** The code that uid and token are, if they are valid now. @throws THROTTLED */
  checkPasswordLink(uid: unknown, token: unknown): Promise<ValidCode | undefined>;
  /** Changes nothing. @throws THROTTLED */
  isPasswordResetValid(uid: unknown, token: unknown): Promise<boolean>;
  /** @throws INVALID_TOKEN, THROTTLED, VALIDATION_FAILED */
  resetPassword(input: ResetPasswordInput, context: RequestContext): Promise<void>;
  /** @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED */
  changePassword(input: ChangePasswordInput, context: RequestContext): Promise<void>;
  readonly tasks: Tasks;
}

export interface PasswordsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly pendingAccounts: PendingAccounts;
  readonly oneTimePasswords: OneTimePasswords;
  readonly checkCode: CheckCode;
  readonly sessions: Sessions;
  readonly reauthentication: Reauthentication;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
  readonly passwordRules: PasswordRules;
}

const resetTask = 'request-password-reset';

/** What a token of a mail may be of, to choose a password with. */
const choosingKinds = ['reset-password', 'invite'] as const satisfies OneTimePasswordKind[];

/** The id of a user as mails and REST have it: base64url of its text, as Django does. */
export function uidOf(userId: string): string {
  return Buffer.from(userId).toString('base64url');
}

function userIdOf(uid: string): string | undefined {
  return parseId(Buffer.from(uid, 'base64url').toString());
}

export function createPasswords(parts: PasswordsDeps): Passwords {
  const { users, oneTimePasswords, reauthentication, hasher, attemptLimits } = parts;
  const { em, transaction } = parts.unitOfWork;

  const ofUser = (code: ValidCode | undefined, uid: string) =>
    code?.userId === userIdOf(uid) ? code : undefined;

  /** A reset proves the address, but opens no account that is closed or waits for its code. */
  const isUsable = (user: User | null, email: string, kind: OneTimePasswordKind): user is User =>
    user?.email === email && (user.status === 'ACTIVE' || kind === 'invite');

  const applyPassword = createApplyPassword(parts);

  /** Whether the token was good. Answers instead of throwing: a throw would undo what it used up. */
  const useToken = async (
    { kind, userId }: { kind: OneTimePasswordKind; userId: string },
    token: string,
    hash: string,
  ): Promise<boolean> => {
    const user = await users.lockById(userId);
    const proof = await oneTimePasswords.consume(kind, token);
    if (!proof || !isUsable(user, proof.email, kind) || user.status === 'DISABLED') return false;
    if (kind === 'invite' && user.status === 'PENDING') user.status = 'ACTIVE';
    user.emailVerifiedAt ??= parts.clock();
    await oneTimePasswords.endAll(userId, ['verify-email']);
    await applyPassword(user, hash);
    return true;
  };

  /** Sets the password that a token is good for, and answers the account by each of its names. */
  const reset = async (uid: string, token: string, raw: unknown, context: RequestContext) => {
    const found = ofUser(await findValidCode(oneTimePasswords, choosingKinds, token), uid);
    if (!found) throw new Problem('INVALID_TOKEN');
    const owner = await em.findOne(User, { id: found.userId });
    const about = rulesFor(owner);
    const { password } = parseFields({
      password: () => parseNewPassword(raw, parts.passwordRules, about),
    });
    const hash = await hasher.hash(password, context.signal);
    if (!(await transaction(() => useToken(found, token, hash))))
      throw new Problem('INVALID_TOKEN');
    const names = [accountOf({ kind: 'email', value: found.email })];
    if (owner?.username) names.push(accountOf({ kind: 'username', value: owner.username }));
    return names;
  };

  const checkPasswordLink: Passwords['checkPasswordLink'] = async (rawUid, rawToken) => {
    // A dead link is a dead link, whatever stands in it.
    const [uid = '', token = ''] = [readPastedSecret(rawUid), readPastedSecret(rawToken)];
    const found = ofUser(await parts.checkCode(choosingKinds, token), uid);
    const user = found && (await em.findOne(User, { id: found.userId }));
    if (user && isUsable(user, found.email, found.kind)) return found;
    parts.audit.logDenial('isPasswordResetValid', 'INVALID_TOKEN');
    return undefined;
  };

  /** Beyond the limit only while an earlier link is valid: strangers cannot use up the mails of the owner. */
  const mailResetLink = async (user: User) => {
    const issue = async () => {
      await oneTimePasswords.endAll(user.id, ['reset-password']);
      oneTimePasswords.issue({ user, kind: 'reset-password' });
    };
    if (await attemptLimits.limitMail(user.email, 'reset', issue)) return;
    const { live } = await oneTimePasswords.issuedCounts(user, 'reset-password');
    if (live === 0) await issue();
  };

  const rulesFor = (person: Pick<User, 'email' | 'firstName' | 'lastName' | 'username'> | null) =>
    person ? [person.email, person.firstName, person.lastName, person.username] : [];

  return {
    async requestPasswordReset(raw) {
      const { email } = parseFields({ email: () => parseEmail(raw) });
      parts.audit.logSuccess('password-reset-requested');
      // Looked up by the job, so that known and unknown addresses cost the caller the same.
      await attemptLimits.limitMailRequest(() =>
        transaction(() => enqueueJob(em, resetTask, { email })),
      );
    },

    checkPasswordLink,
    isPasswordResetValid: async (uid, token) => (await checkPasswordLink(uid, token)) !== undefined,

    async resetPassword(input, context) {
      const { uid, token } = parseFields({
        uid: () => parsePastedSecret(input.uid),
        token: () => parsePastedSecret(input.token),
        password: () => parsePresentedPassword(input.password),
        passwordConfirmation: () => parseConfirmation(input.passwordConfirmation, input.password),
      });
      const accounts = await attemptLimits.limitCode(
        () => oneTimePasswords.isKnown(token),
        () => reset(uid, token, input.password, context),
      );
      await attemptLimits.reset(accounts);
    },

    async changePassword(input, context) {
      const actor = requireActor(context);
      const { currentPassword, newPassword } = parseFields({
        currentPassword: () => parsePresentedPassword(input.currentPassword),
        newPassword: () =>
          parseNewPassword(input.newPassword, parts.passwordRules, rulesFor(actor.person)),
      });
      const proved = await reauthentication.reauthenticate(actor, currentPassword, context);
      const hash = await hasher.hash(newPassword, context.signal);
      await transaction(async () => {
        const user = await reauthentication.lockReauthenticated(actor, proved);
        await applyPassword(user, hash, actor.sessionId);
      });
    },

    tasks: {
      [resetTask]: ({ email }) =>
        transaction(async () => {
          const user = await users.lockByEmail(email as EmailAddress); // parsed before it was recorded
          if (user?.status === 'PENDING') return parts.pendingAccounts.remind(user, 'reset');
          if (user?.status !== 'ACTIVE') return;
          await mailResetLink(user);
        }),
    },
  };
}
