/**
 * What the service means to tell somebody. An intent names the mail and the rows it is about, never
 * a secret: secrets are derived when the mail is written.
 */
export type MailIntent =
  /** A code that verifies the address of an account; sent to the address of the one-time password. */
  | { readonly mail: 'verify-email'; readonly oneTimePasswordId: string }
  /** The codes of the registrations that wait for an address, each derived from an id. */
  | { readonly mail: 'verify-email'; readonly to: string; readonly codeIds: readonly string[] }
  /** uid and token to choose a new password with. */
  | { readonly mail: 'reset-password'; readonly oneTimePasswordId: string }
  /** The same for an account that an administrator has made. */
  | { readonly mail: 'invite'; readonly oneTimePasswordId: string }
  /** A code that proves a new address of an account; sent to that address. */
  | { readonly mail: 'change-email'; readonly oneTimePasswordId: string }
  /** Another address was asked for; sent to the present one, with a code that stops it. */
  | { readonly mail: 'email-change-requested'; readonly oneTimePasswordId: string }
  /** The password was changed, or reset by mail. */
  | { readonly mail: 'password-changed'; readonly userId: string }
  /** The account is gone; nothing else knows its address any more. */
  | { readonly mail: 'account-erased'; readonly to: string; readonly locale: string | null }
  /** Somebody registered an address that has an account; sent to its owner. */
  | { readonly mail: 'already-registered'; readonly userId: string }
  /** The same for an account that is disabled. */
  | { readonly mail: 'account-closed'; readonly userId: string }
  /** Something about the account was changed; `fields` are names as in the schema. */
  | {
      readonly mail: 'account-changed';
      readonly userId: string;
      readonly fields: readonly string[];
      /** Where it goes, when that is not the address that the account has now. */
      readonly to?: string;
    }
  /** The account was given, or made with, the rights of an administrator. */
  | { readonly mail: 'administrator-rights'; readonly userId: string }
  /** A refresh token was used twice, so its session was ended. */
  | { readonly mail: 'refresh-token-reused'; readonly userId: string }
  /** Nobody can log in with the account any more. */
  | { readonly mail: 'account-disabled'; readonly userId: string };
