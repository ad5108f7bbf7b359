/** Account recovery by administrators: password reset mails, invitations, and the revocation of sessions. */

import { Problem } from '../../core/errors.ts';
import { assertField, parseId } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import { isUnverified, type PendingAccounts } from '../authentication/pending-accounts.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User, UserStatus } from '../users/user.entity.ts';
import { requireAdministrator } from './policies.ts';
import type { UserPolicies } from './user-policies.ts';

export interface AccountRecovery {
  /**
   * Mails a link to choose a new password to the address of an ACTIVE account. Earlier links end.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED for an account that is not ACTIVE
   */
  sendPasswordReset(userId: unknown, context: RequestContext): Promise<void>;
  /**
   * Mails a new invitation, or a new verification code if the account has a password. Earlier ones end.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED for an account that is verified or disabled
   */
  resendInvitation(userId: unknown, context: RequestContext): Promise<void>;
  /** Revokes every session of a user. @throws FORBIDDEN, NOT_FOUND */
  revokeUserSessions(userId: unknown, context: RequestContext): Promise<void>;
  /** Revokes one live session of any user and returns the address of the user. @throws FORBIDDEN, NOT_FOUND */
  revokeSessionById(sessionId: unknown, context: RequestContext): Promise<string>;
}

export interface AccountRecoveryDeps {
  readonly unitOfWork: UnitOfWork;
  readonly userPolicies: Pick<UserPolicies, 'lockManagedUser'>;
  readonly pendingAccounts: Pick<PendingAccounts, 'remind'>;
  readonly oneTimePasswords: Pick<OneTimePasswords, 'endAll' | 'issue'>;
  readonly sessions: Pick<Sessions, 'revokeAll' | 'revokeOf'>;
  readonly audit: Pick<Audit, 'append'>;
}

const permission = 'users.change_user';

/** The reason for which an account of this status gets no reset mail. */
const resetObstacles: Readonly<Record<UserStatus, string | undefined>> = {
  ACTIVE: undefined,
  PENDING: 'The account is not confirmed yet: send the invitation again (resendInvitation).',
  DISABLED: 'The account is disabled: enable it first.',
};

/** The reason for which a verified account of this status gets no invitation. */
const invitationObstacles = {
  ACTIVE: 'The account is confirmed already: send a password reset instead (sendPasswordReset).',
  PENDING: undefined,
  DISABLED: 'The account is disabled: enable it first.',
} as const satisfies Record<UserStatus, string | undefined>;

/** @throws VALIDATION_FAILED with the reason, if there is one */
function assertNoObstacle(obstacle: string | undefined): void {
  assertField('userId', obstacle === undefined, obstacle ?? '');
}

export function createAccountRecovery(deps: AccountRecoveryDeps): AccountRecovery {
  const { oneTimePasswords, sessions, audit } = deps;
  const { transaction, query } = deps.unitOfWork;

  /** Locks the user and runs `work` in the same transaction. */
  const withUser = async (
    rawId: unknown,
    context: RequestContext,
    work: (user: User) => Promise<void>,
  ): Promise<void> => {
    const actor = requireAdministrator(context, permission);
    await transaction(async () => {
      const { user } = await deps.userPolicies.lockManagedUser(rawId, actor, permission);
      await work(user);
    });
  };

  return {
    sendPasswordReset: (userId, context) =>
      withUser(userId, context, async (user) => {
        const obstacle = resetObstacles[user.status];
        assertNoObstacle(obstacle);
        await oneTimePasswords.endAll(user.id, ['reset-password']);
        oneTimePasswords.issue({ user, kind: 'reset-password' });
        await audit.append({
          action: 'password-reset-sent',
          target: { type: 'user', id: user.id },
        });
      }),

    resendInvitation: (userId, context) =>
      withUser(userId, context, async (user) => {
        const obstacle = isUnverified(user) ? undefined : invitationObstacles[user.status];
        assertNoObstacle(obstacle);
        await deps.pendingAccounts.remind(user, 'administrator');
        await audit.append({ action: 'invitation-resent', target: { type: 'user', id: user.id } });
      }),

    async revokeSessionById(rawId, context) {
      requireAdministrator(context, permission);
      const id = parseId(rawId);
      const [session] =
        id === undefined
          ? []
          : await query<{ user_id: string; email: string }>(
              `select s.user_id, u.email from sessions s join users u on u.id = s.user_id
               where s.id = ? and s.ended_at is null and s.expires_at > now()`,
              [id],
            );
      if (!session) throw new Problem('NOT_FOUND');
      await withUser(session.user_id, context, (user) => sessions.revokeOf(user.id, id));
      return session.email;
    },

    revokeUserSessions: (userId, context) =>
      withUser(userId, context, (user) => sessions.revokeAll(user.id, 'revoked')),
  };
}
