/**
 * What the service means to tell somebody. An intent names the mail and the rows it is about, never
 * a secret: secrets are derived when the mail is written.
 */
export type MailIntent =
  /** A code that proves an address; sent to the address kept with the one-time password. */
  | { readonly mail: 'verify-email'; readonly oneTimePasswordId: string }
  /** Somebody registered an address that has an account; sent to its owner. */
  | { readonly mail: 'already-registered'; readonly userId: string }
  /** Something about the account was changed; `fields` are names as in the schema. */
  | {
      readonly mail: 'account-changed';
      readonly userId: string;
      readonly fields: readonly string[];
    }
  /** The account was given, or made with, the rights of an administrator. */
  | { readonly mail: 'administrator-rights'; readonly userId: string }
  /** A refresh token was used twice, so its session was ended. */
  | { readonly mail: 'refresh-token-reused'; readonly userId: string }
  /** Nobody can log in with the account any more. */
  | { readonly mail: 'account-disabled'; readonly userId: string };
