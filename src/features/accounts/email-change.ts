/**
 * Another address for an account: it waits until the new one confirms it. The present one is told,
 * with a code that stops it, and works until then.
 */
import { type Context, requireActor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import {
  type EmailAddress,
  parseEmail,
  parseFields,
  parsePresentedPassword,
} from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { Attempts } from '../attempts/attempts.ts';
import type { OneTimePasswords } from '../one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';
import type { Credentials } from './credentials.ts';
import { createUseCode } from './use-code.ts';

/** Everything raw. */
export interface ChangeEmailInput {
  readonly newEmail: unknown;
  readonly password: unknown;
}

export interface EmailChanges {
  /** @throws INVALID_CREDENTIALS, THROTTLED, VALIDATION_FAILED */
  changeEmail(input: ChangeEmailInput, context: Context): Promise<void>;
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

export interface EmailChangesParts {
  readonly unitOfWork: UnitOfWork;
  readonly users: Users;
  readonly oneTimePasswords: OneTimePasswords;
  readonly sessions: Sessions;
  readonly credentials: Credentials;
  readonly attempts: Attempts;
  readonly clock: Clock;
}

const kind = 'change-email';

export function createEmailChanges(parts: EmailChangesParts): EmailChanges {
  const { users, oneTimePasswords, sessions, credentials, attempts } = parts;
  const { em, run } = parts.unitOfWork;

  const isTaken = async (other: User | null) => other !== null && !(await users.isUnproved(other));

  /** A taken address is not told from a free one: its owner gets a mail instead of a code. */
  const begin = async (newEmail: EmailAddress, claimUser: () => Promise<User>) => {
    const other = await users.claimEmail(newEmail);
    const user = await claimUser();
    await oneTimePasswords.endAll(user.id, [kind]);
    user.pendingEmail = newEmail;
    oneTimePasswords.issue({ user, kind });
    if (other && (await isTaken(other))) {
      await enqueueMail(em, { mail: 'already-registered', userId: other.id });
    } else {
      oneTimePasswords.issue({ user, kind, email: newEmail });
    }
  };

  /** Whether the code was good. */
  const confirm = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    if (!owner) return false;
    const newEmail = owner.email as EmailAddress; // parsed before it was recorded
    const other = await users.claimEmail(newEmail);
    const user = await users.claim(owner.userId);
    const isWanted = user?.status === 'ACTIVE' && user.pendingEmail === newEmail;
    if (!isWanted || (await isTaken(other))) return false;
    if (!(await oneTimePasswords.consume(kind, code))) return false;
    if (other) await users.remove(other);
    user.email = newEmail;
    user.pendingEmail = null;
    user.emailVerifiedAt = parts.clock();
    await oneTimePasswords.endAll(user.id, [kind, 'reset-password', 'verify-email']);
    return true;
  };

  const cancel = async (code: string): Promise<boolean> => {
    const owner = await oneTimePasswords.ownerOf(kind, code);
    const user = owner ? await users.claim(owner.userId) : null;
    if (!user || owner?.email !== user.email) return false;
    if (!(await oneTimePasswords.consume(kind, code))) return false;
    user.pendingEmail = null;
    await oneTimePasswords.endAll(user.id, [kind]);
    await sessions.endAllOf(user.id, 'revoked');
    return true;
  };

  const useCode = createUseCode(parts);

  return {
    async changeEmail(input, context) {
      const actor = requireActor(context);
      const { newEmail, password } = parseFields({
        newEmail: () => parseEmail(input.newEmail),
        password: () => parsePresentedPassword(input.password),
      });
      const proved = await credentials.prove(actor, password, context);
      await attempts.spendMail(newEmail, () =>
        run(() => begin(newEmail, () => credentials.claimProved(actor, proved))),
      );
    },
    begin,
    confirmEmailChange: (code) => useCode(code, confirm),
    cancelEmailChange: (code) => useCode(code, cancel),
  };
}
