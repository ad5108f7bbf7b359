/** Whose a mailed link is, so that its page can name the account. Uses nothing up. */
import { Problem } from '../../core/errors.ts';
import type {
  EmailVerification,
  VerificationCodeOwner,
} from '../../features/accounts/email-verification.ts';
import type { Passwords } from '../../features/accounts/passwords.ts';
import type { OneTimePasswords } from '../../features/one-time-passwords/one-time-passwords.ts';

export interface PasswordLinkOwner {
  readonly email: string;
  /** Whether it is the first password of an account that an administrator has made. */
  readonly isInvited: boolean;
}

export interface LinkOwners {
  /** The address that a code of a change would verify now; nothing for any other code. */
  addressOfEmailChangeCode(code: string): Promise<string | undefined>;
  /** The address, and whether the code belongs to a registration; nothing for any other code. */
  ownerOfVerificationCode(code: string): Promise<VerificationCodeOwner | undefined>;
  /** The account that uid and token would set a password of now; nothing for any others. */
  ownerOfPasswordLink(uid: string, token: string): Promise<PasswordLinkOwner | undefined>;
}

export function createLinkOwners(parts: {
  readonly oneTimePasswords: OneTimePasswords;
  readonly passwords: Passwords;
  readonly emailVerification: Pick<EmailVerification, 'ownerOfCode'>;
}): LinkOwners {
  const { oneTimePasswords, passwords } = parts;

  /** What is malformed is not valid either. */
  const isPasswordLinkValid = (uid: string, token: string) =>
    passwords.isPasswordResetValid(uid, token).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'VALIDATION_FAILED') return false;
      throw error;
    });

  const addressOf = async (kind: 'change-email' | 'reset-password' | 'invite', secret: string) => {
    const owner = await oneTimePasswords.ownerOf(kind, secret);
    return owner?.isLive ? owner.email : undefined;
  };

  return {
    addressOfEmailChangeCode: (code) => addressOf('change-email', code),
    ownerOfVerificationCode: parts.emailVerification.ownerOfCode,
    async ownerOfPasswordLink(uid, token) {
      if (!(await isPasswordLinkValid(uid, token))) return undefined;
      const invited = await addressOf('invite', token);
      const email = invited ?? (await addressOf('reset-password', token));
      return email === undefined ? undefined : { email, isInvited: invited !== undefined };
    },
  };
}
