/**
 * Another address for an account: it waits until the new one confirms it. The present one is told,
 * with a code that stops it, and works until then.
 */

import {
  type EmailAddress,
  parseEmail,
  parseFields,
  parsePresentedPassword,
} from '../../core/parse.ts';
import { type RequestContext, requireActor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import { checkNewAddress } from '../authentication/apply-password.ts';
import { createConsumeCode } from '../authentication/consume-code.ts';
import type { Reauthentication } from '../authentication/reauthentication.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Addresses } from '../registrations/addresses.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/** Everything raw. */
export interface ChangeEmailInput {
  readonly newEmail: unknown;
  readonly password: unknown;
}

export interface EmailChanges {
  /**
   * Executes the same statements for a free and for a taken address. The present address of the caller
   * changes nothing. An address of which the current password is made is refused.
   *
   * @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED
   */
  changeEmail(input: ChangeEmailInput, context: RequestContext): Promise<void>;
  /**
   * Makes the address wait, and mails both sides. Needs a transaction, in which `claimUser` locks
   * the user and answers it.
   */
  begin(newEmail: EmailAddress, claimUser: () => Promise<User>): Promise<void>;
  /** @throws INVALID_CODE, THROTTLED, VALIDATION_FAILED */
  confirmEmailChange(code: unknown): Promise<void>;
  /**
   * Stops a change, with the code from the notice to the present address; ends all sessions.
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
  readonly reauthentication: Reauthentication;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
}

const kind = 'change-email';

export function createEmailChanges(parts: EmailChangesDeps): EmailChanges {
  const { users, addresses, oneTimePasswords, sessions, reauthentication, attemptLimits } = parts;
  const { transaction } = parts.unitOfWork;

  /** The job that writes the mail of a code finds out whether the address is taken. */
  const begin = async (newEmail: EmailAddress, claimUser: () => Promise<User>) => {
    await users.lockAddress(newEmail);
    const user = await claimUser();
    if (user.email === newEmail) return;
    await oneTimePasswords.endAll(user.id, [kind]);
    user.pendingEmail = newEmail;
    oneTimePasswords.issue({ user, kind });
    oneTimePasswords.issue({ user, kind, email: newEmail });
  };

  /** Whether the code was good. */
  const confirm = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    if (!owner) return false;
    const newEmail = owner.email as EmailAddress; // parsed before it was recorded
    await users.lockAddress(newEmail);
    const user = await users.lockById(owner.userId);
    if (user?.status !== 'ACTIVE' || user.pendingEmail !== newEmail) return false;
    if (!(await addresses.claim(newEmail, user.id))) return false;
    if (!(await oneTimePasswords.consume(kind, code))) return false;
    user.email = newEmail;
    user.pendingEmail = null;
    user.emailVerifiedAt = parts.clock();
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
    return true;
  };

  const consumeCode = createConsumeCode(parts);

  return {
    async changeEmail(input, context) {
      const actor = requireActor(context);
      const { newEmail, password } = parseFields({
        newEmail: () => parseEmail(input.newEmail),
        password: () => parsePresentedPassword(input.password),
      });
      const proved = await reauthentication.reauthenticate(actor, password, context);
      if (newEmail === actor.person.email) return;
      parseFields({ newEmail: () => checkNewAddress(newEmail, password) });
      const account = accountOf({ kind: 'email', value: actor.person.email });
      await attemptLimits.limitEmailChange(account, () =>
        transaction(() =>
          begin(newEmail, () => reauthentication.lockReauthenticated(actor, proved)),
        ),
      );
    },
    begin,
    confirmEmailChange: (code) => consumeCode(code, confirm),
    cancelEmailChange: (code) => consumeCode(code, cancel),
  };
}
