/** The owner of a mailed link, so that its page can name the account. Uses no link up. */
import { Problem } from '../../core/errors.ts';
import type {
  EmailVerification,
  VerificationCodeOwner,
} from '../../features/accounts/email-verification.ts';
import type { LookAtCode } from '../../features/accounts/look-at-code.ts';
import type { Passwords } from '../../features/accounts/passwords.ts';

export interface PasswordLinkOwner {
  readonly email: string;
  /** Whether it is the first password of an account that an administrator has made. */
  readonly isInvited: boolean;
}

export interface LinkOwners {
  /** The address that a code of a change would verify now; nothing for any other code. @throws THROTTLED */
  addressOfEmailChangeCode(code: string): Promise<string | undefined>;
  /**
   * The address, and what the page has to ask for; nothing for any other code.
   *
   * @throws THROTTLED
   */
  ownerOfVerificationCode(code: string): Promise<VerificationCodeOwner | undefined>;
  /**
   * The account that uid and token would set a password of now; nothing for any others.
   *
   * @throws THROTTLED
   */
  ownerOfPasswordLink(uid: string, token: string): Promise<PasswordLinkOwner | undefined>;
}

export function createLinkOwners(deps: {
  readonly lookAtCode: LookAtCode;
  readonly passwords: Pick<Passwords, 'lookAtPasswordLink'>;
  readonly emailVerification: Pick<EmailVerification, 'ownerOfCode'>;
}): LinkOwners {
  const { lookAtCode, passwords } = deps;
  return {
    addressOfEmailChangeCode: async (code) => (await lookAtCode(['change-email'], code))?.email,
    ownerOfVerificationCode: deps.emailVerification.ownerOfCode,
    async ownerOfPasswordLink(uid, token) {
      const link = await passwords.lookAtPasswordLink(uid, token).catch(ifMalformed);
      return link && { email: link.email, isInvited: link.kind === 'invite' };
    },
  };
}

/** What is malformed is not valid either. */
function ifMalformed(error: unknown): undefined {
  if (error instanceof Problem && error.code === 'VALIDATION_FAILED') return undefined;
  throw error;
}
