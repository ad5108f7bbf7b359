/** How administrators help with an account without getting into it: a reset mail, an end of all sessions. */

import { Problem } from '../../core/errors.ts';
import { parseFields, parseId, refuse } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import { isUnverified, type PendingAccounts } from '../authentication/pending-accounts.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User, UserStatus } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { ManagePolicies } from './policies.ts';
import { requireAdministrator } from './policies.ts';

export interface AccountRecovery {
  /**
   * Mails a link to choose a new password to the address of an ACTIVE account; earlier links end.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED for an account that is not ACTIVE
   */
  sendPasswordReset(userId: unknown, context: RequestContext): Promise<void>;
  /**
   * Mails a new invitation, or a new verification code where the account has a password; earlier ones
   * end.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED for an account that is confirmed or disabled
   */
  resendInvitation(userId: unknown, context: RequestContext): Promise<void>;
  /** Ends every session of a user at once. @throws FORBIDDEN, NOT_FOUND */
  revokeUserSessions(userId: unknown, context: RequestContext): Promise<void>;
  /** Ends one live session of any user at once, and returns that user's address. @throws FORBIDDEN, NOT_FOUND */
  revokeSessionById(sessionId: unknown, context: RequestContext): Promise<string>;
}

export interface AccountRecoveryDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly policies: ManagePolicies;
  readonly pendingAccounts: PendingAccounts;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly audit: Audit;
}

const permission = 'users.change_user';

/** Why no link to a new password goes out, by status. */
const obstacles: Readonly<Record<UserStatus, string | undefined>> = {
  ACTIVE: undefined,
  PENDING: 'The account is not confirmed yet: send the invitation again (resendInvitation).',
  DISABLED: 'The account is disabled: enable it first.',
};

/** Why no invitation goes out to a verified account, by status. */
const invitationObstacles = {
  ACTIVE: 'The account is confirmed already: send a password reset instead (sendPasswordReset).',
  PENDING: undefined,
  DISABLED: 'The account is disabled: enable it first.',
} as const satisfies Record<UserStatus, string | undefined>;

export function createAccountRecovery(parts: AccountRecoveryDeps): AccountRecovery {
  const { users, oneTimePasswords, sessions, audit } = parts;
  const { transaction } = parts.unitOfWork;

  /** Runs `work` in a transaction that holds the lock of the user. */
  const withUser = async (
    rawId: unknown,
    context: RequestContext,
    work: (user: User) => Promise<void>,
  ): Promise<void> => {
    const actor = requireAdministrator(context, permission);
    await transaction(async () => {
      const id = parseId(rawId);
      const user = id === undefined ? null : await users.lockById(id);
      if (!user) throw new Problem('NOT_FOUND');
      const rights = await parts.policies.forActor(actor, permission);
      rights.assertCanManage(user);
      await work(user);
    });
  };

  return {
    sendPasswordReset: (userId, context) =>
      withUser(userId, context, async (user) => {
        const obstacle = obstacles[user.status];
        parseFields({ userId: () => obstacle === undefined || refuse(obstacle) });
        await oneTimePasswords.endAll(user.id, ['reset-password']);
        oneTimePasswords.issue({ user, kind: 'reset-password' });
        await audit.record({
          action: 'password-reset-sent',
          target: { type: 'user', id: user.id },
        });
      }),

    resendInvitation: (userId, context) =>
      withUser(userId, context, async (user) => {
        const obstacle = isUnverified(user) ? undefined : invitationObstacles[user.status];
        parseFields({ userId: () => obstacle === undefined || refuse(obstacle) });
        await parts.pendingAccounts.remind(user, 'administrator');
        await audit.record({ action: 'invitation-resent', target: { type: 'user', id: user.id } });
      }),
    async revokeSessionById(rawId, context) {
      requireAdministrator(context, permission);
      const id = parseId(rawId);
      const [session] =
        id === undefined
          ? []
          : await parts.unitOfWork.query<{ user_id: string; email: string }>(
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
