/**
 * The faults of a password as codes. Pages translate the codes; the API gives the English sentence of
 * this file. No sentence repeats any part of a password.
 */

export type PasswordFault =
  /** `limit` counts code points. */
  | { readonly code: 'PASSWORD_TOO_SHORT' | 'PASSWORD_TOO_LONG'; readonly limit: number }
  | {
      readonly code:
        | 'PASSWORD_EMPTY'
        | 'PASSWORD_MALFORMED'
        /** It is on a list of common passwords. */
        | 'PASSWORD_COMMON'
        /** It consists of the user's names, of the address or of the name of the service. */
        | 'PASSWORD_PERSONAL'
        /** The confirmation differs from the password. */
        | 'PASSWORD_MISMATCH';
    };

export function passwordFaultSentence(fault: PasswordFault): string {
  switch (fault.code) {
    case 'PASSWORD_EMPTY':
      return 'Must not be empty.';
    case 'PASSWORD_TOO_SHORT':
      return `Use at least ${fault.limit} characters.`;
    case 'PASSWORD_TOO_LONG':
      return `Must not be longer than ${fault.limit} characters.`;
    case 'PASSWORD_MALFORMED':
      return 'Must be well-formed Unicode.';
    case 'PASSWORD_COMMON':
      return 'Choose another password: this one is on the lists that attackers try first.';
    case 'PASSWORD_PERSONAL':
      return 'Choose a password that is more than your name, your address or the name of this service.';
    case 'PASSWORD_MISMATCH':
      return 'Must be equal to the password.';
  }
}
