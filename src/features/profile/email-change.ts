/**
 * Email change. The new address is pending until its owner confirms it with a code. The current address
 * stays valid until then, and gets a notice with a code that cancels the change.
 */

import {
  type EmailAddress,
  parseEmail,
  parseFields,
  parsePresentedPassword,
} from '../../core/parse.ts';
import { type RequestContext, requireSession } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import { checkNewAddress } from '../authentication/apply-password.ts';
import { createConsumeCode } from '../authentication/consume-code.ts';
import type { Reauthentication } from '../authentication/reauthentication.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/** Unparsed input. */
export interface ChangeEmailInput {
  readonly newEmail: unknown;
  readonly password: unknown;
}

export interface EmailChanges {
  /**
   * Executes the same statements for a free and for a taken address. The caller's own address changes
   * nothing. The current password must not consist of the new address.
   *
   * @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED
   */
  changeEmail(input: ChangeEmailInput, context: RequestContext): Promise<void>;
  /**
   * Sets the pending address and mails both addresses. Needs a transaction, in which `lockUser` locks and
   * returns the user.
   */
  begin(newEmail: EmailAddress, lockUser: () => Promise<User>): Promise<void>;
  /** @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED */
  confirmEmailChange(code: unknown): Promise<void>;
  /**
   * Cancels a change with the code of the notice, and ends all sessions.
   *
   * @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED
   */
  cancelEmailChange(code: unknown): Promise<void>;
}

export interface EmailChangesDeps {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly addresses: Addresses;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly apiKeys: Pick<ApiKeys, 'revokeAllOfUser'>;
  readonly reauthentication: Reauthentication;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
}

const kind = 'change-email';

export function createEmailChanges(deps: EmailChangesDeps): EmailChanges {
  const { users, addresses, oneTimePasswords, sessions, reauthentication, attemptLimits } = deps;
  const { transaction } = deps.unitOfWork;

  /** The job that writes the mail checks whether the address is taken. */
  const begin = async (newEmail: EmailAddress, lockUser: () => Promise<User>) => {
    await users.lockAddress(newEmail);
    const user = await lockUser();
    if (user.email === newEmail) return;
    await oneTimePasswords.endAll(user.id, [kind]);
    user.pendingEmail = newEmail;
    oneTimePasswords.issue({ user, kind });
    oneTimePasswords.issue({ user, kind, email: newEmail });
  };

  /** Returns whether the code was valid. */
  const confirm = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    if (!owner) return false;
    const newEmail = owner.email as EmailAddress; // parsed before it was stored
    await users.lockAddress(newEmail);
    const user = await users.lockById(owner.userId);
    if (user?.status !== 'ACTIVE' || user.pendingEmail !== newEmail) return false;
    if (!(await addresses.reserve(newEmail, user.id))) return false;
    if (!(await oneTimePasswords.consume(kind, code))) return false;
    user.email = newEmail;
    user.pendingEmail = null;
    user.emailVerifiedAt = deps.clock();
    await oneTimePasswords.endAll(user.id, [kind, 'reset-password', 'verify-email']);
    return true;
  };

  const cancel = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    const user = owner ? await users.lockById(owner.userId) : null;
    if (!user || owner?.email !== user.email) return false;
    if (!(await oneTimePasswords.consume(kind, code))) return false;
    user.pendingEmail = null;
    await oneTimePasswords.endAll(user.id, [kind]);
    await sessions.revokeAll(user.id, 'revoked');
    await deps.apiKeys.revokeAllOfUser(user.id, 'email-change-cancelled');
    return true;
  };

  const consumeCode = createConsumeCode(deps);

  return {
    async changeEmail(input, context) {
      const actor = requireSession(context);
      const { newEmail, password } = parseFields({
        newEmail: () => parseEmail(input.newEmail),
        password: () => parsePresentedPassword(input.password),
      });
      const verified = await reauthentication.reauthenticate(actor, password, context);
      if (newEmail === actor.user.email) return;
      parseFields({ newEmail: () => checkNewAddress(newEmail, password) });
      const account = accountOf({ kind: 'email', value: actor.user.email });
      await attemptLimits.limitEmailChange(account, () =>
        transaction(() =>
          begin(newEmail, () => reauthentication.lockReauthenticated(actor, verified)),
        ),
      );
    },
    begin,
    confirmEmailChange: (code) => consumeCode(code, confirm),
    cancelEmailChange: (code) => consumeCode(code, cancel),
  };
}
