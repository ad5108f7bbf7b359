/** Password change by a logged-in user, with the current password. */

import { parseFields, parsePresentedPassword } from '../../core/parse.ts';
import { type RequestContext, requireSession } from '../../core/request-context.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Audit } from '../audit/audit.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Users } from '../users/users.ts';
import {
  createApplyPassword,
  type PasswordRules,
  parseNewPassword,
  passwordWordsOf,
} from './apply-password.ts';
import type { Reauthentication } from './reauthentication.ts';

/** Unparsed input. */
export interface ChangePasswordInput {
  readonly currentPassword: unknown;
  readonly newPassword: unknown;
}

export interface PasswordChange {
  /** Ends the other sessions of the user. @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED */
  changePassword(input: ChangePasswordInput, context: RequestContext): Promise<void>;
}

export interface PasswordChangeDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly apiKeys: Pick<ApiKeys, 'revokeAllOfUser'>;
  readonly reauthentication: Reauthentication;
  readonly hasher: PasswordHasher;
  readonly audit: Audit;
  readonly passwordRules: PasswordRules;
}

export function createPasswordChange(deps: PasswordChangeDeps): PasswordChange {
  const { reauthentication, hasher } = deps;
  const applyPassword = createApplyPassword(deps);

  return {
    async changePassword(input, context) {
      const actor = requireSession(context);
      const { currentPassword, newPassword } = parseFields({
        currentPassword: () => parsePresentedPassword(input.currentPassword),
        newPassword: () =>
          parseNewPassword(input.newPassword, deps.passwordRules, passwordWordsOf(actor.user)),
      });
      const verified = await reauthentication.reauthenticate(actor, currentPassword, context);
      const hash = await hasher.hash(newPassword, context.signal);
      await deps.unitOfWork.transaction(async () => {
        const user = await reauthentication.lockReauthenticated(actor, verified);
        await applyPassword(user, hash, actor.credential.id);
      });
    },
  };
}
