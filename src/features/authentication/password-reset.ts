/** Password reset by mail: request, check and use of a link. The link of an invitation works the same way. */

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
import type { RequestContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import { enqueueJob } from '../../jobs/worker.ts';
import { causedTask, withCause } from '../../mail/cause.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
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
  passwordWordsOf,
} from './apply-password.ts';
import { type CheckCode, findValidCode, type ValidCode } from './consume-code.ts';
import type { PendingAccounts } from './pending-accounts.ts';

/** Unparsed input. */
export interface ResetPasswordInput {
  readonly uid: unknown;
  readonly token: unknown;
  readonly password: unknown;
  readonly passwordConfirmation?: unknown;
}

export interface PasswordReset {
  /** @throws THROTTLED, VALIDATION_FAILED */
  requestPasswordReset(email: unknown): Promise<void>;
  /** The code of the uid and token, if it is valid now. Changes nothing. @throws THROTTLED */
  checkPasswordLink(uid: unknown, token: unknown): Promise<ValidCode | undefined>;
  /** Changes nothing. @throws THROTTLED */
  isPasswordResetValid(uid: unknown, token: unknown): Promise<boolean>;
  /** @throws INVALID_TOKEN, THROTTLED, VALIDATION_FAILED */
  resetPassword(input: ResetPasswordInput, context: RequestContext): Promise<void>;
  readonly tasks: Tasks;
}

export interface PasswordResetDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly pendingAccounts: PendingAccounts;
  readonly oneTimePasswords: OneTimePasswords;
  readonly checkCode: CheckCode;
  readonly sessions: Sessions;
  readonly apiKeys: Pick<ApiKeys, 'revokeAllOfUser'>;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
  readonly passwordRules: PasswordRules;
}

const requestTask = 'request-password-reset';

/** The kinds of one-time passwords whose token can set a password. */
const linkKinds = ['reset-password', 'invite'] as const satisfies OneTimePasswordKind[];

/** The id of a user as in mails and REST: base64url of its text, as in Django. */
export function uidOf(userId: string): string {
  return Buffer.from(userId).toString('base64url');
}

export function createPasswordReset(deps: PasswordResetDeps): PasswordReset {
  const { users, oneTimePasswords, hasher, attemptLimits } = deps;
  const { em, transaction } = deps.unitOfWork;
  const applyPassword = createApplyPassword(deps);

  /**
   * Sets the password if the token is valid, and returns whether it is. It does not throw, because a
   * throw would roll back the consumption of the token. Needs a transaction.
   */
  const consumeToken = async (
    { kind, userId }: { kind: OneTimePasswordKind; userId: string },
    token: string,
    hash: string,
  ): Promise<boolean> => {
    const user = await users.lockById(userId);
    const consumed = await oneTimePasswords.consume(kind, token);
    if (!consumed || !isUsable(user, consumed.email, kind) || user.status === 'DISABLED')
      return false;
    if (kind === 'invite' && user.status === 'PENDING') user.status = 'ACTIVE';
    user.emailVerifiedAt ??= deps.clock();
    await oneTimePasswords.endAll(userId, ['verify-email']);
    await applyPassword(user, hash);
    return true;
  };

  /** Sets the password and returns the rate limit accounts of the user: by address and by username. */
  const reset = async (uid: string, token: string, raw: unknown, context: RequestContext) => {
    const code = ofUser(await findValidCode(oneTimePasswords, linkKinds, token), uid);
    if (!code) throw new Problem('INVALID_TOKEN');
    const owner = await em.findOne(User, { id: code.userId });
    const { password } = parseFields({
      password: () => parseNewPassword(raw, deps.passwordRules, passwordWordsOf(owner)),
    });
    const hash = await hasher.hash(password, context.signal);
    const isSet = await transaction(() => consumeToken(code, token, hash));
    if (!isSet) throw new Problem('INVALID_TOKEN');
    const accounts = [accountOf({ kind: 'email', value: code.email })];
    if (owner?.username) accounts.push(accountOf({ kind: 'username', value: owner.username }));
    return accounts;
  };

  const checkPasswordLink: PasswordReset['checkPasswordLink'] = async (rawUid, rawToken) => {
    // A malformed link is answered like an invalid one.
    const [uid = '', token = ''] = [readPastedSecret(rawUid), readPastedSecret(rawToken)];
    const code = ofUser(await deps.checkCode(linkKinds, token), uid);
    const user = code && (await em.findOne(User, { id: code.userId }));
    if (user && isUsable(user, code.email, code.kind)) return code;
    deps.audit.logDenial('isPasswordResetValid', 'INVALID_TOKEN');
    return undefined;
  };

  /** Sends a link. Beyond the limit it sends one only if no earlier link is valid: strangers cannot exhaust the mails. */
  const mailResetLink = async (user: User) => {
    const issue = async () => {
      await oneTimePasswords.endAll(user.id, ['reset-password']);
      oneTimePasswords.issue({ user, kind: 'reset-password' });
    };
    if (await attemptLimits.limitMail(user.email, 'reset', issue)) return;
    const { live } = await oneTimePasswords.issuedCounts(user, 'reset-password');
    if (live === 0) await issue();
  };

  return {
    async requestPasswordReset(raw) {
      const { email } = parseFields({ email: () => parseEmail(raw) });
      deps.audit.logSuccess('password-reset-requested');
      // The job looks up the address, so that known and unknown addresses cost the caller the same.
      await attemptLimits.limitMailRequest(() =>
        transaction(() => enqueueJob(em, requestTask, withCause({ email }))),
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

    tasks: {
      [requestTask]: causedTask(({ email }) =>
        transaction(async () => {
          const user = await users.lockByEmail(email as EmailAddress); // parsed before it was queued
          if (user?.status === 'PENDING') return deps.pendingAccounts.remind(user, 'reset');
          if (user?.status !== 'ACTIVE') return;
          await mailResetLink(user);
        }),
      ),
    },
  };
}

function ofUser(code: ValidCode | undefined, uid: string): ValidCode | undefined {
  const userId = parseId(Buffer.from(uid, 'base64url').toString());
  return code?.userId === userId ? code : undefined;
}

/** A reset verifies the address. It activates neither a disabled nor a pending account. */
function isUsable(user: User | null, email: string, kind: OneTimePasswordKind): user is User {
  return user?.email === email && (user.status === 'ACTIVE' || kind === 'invite');
}
