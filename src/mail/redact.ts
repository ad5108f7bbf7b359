/**
 * Removes secrets from the errors of mail servers. Their replies may quote the mail or the login, and
 * the errors go to the log and to the job queue.
 */
import type { MailLogin } from '../config/mail-settings.ts';
import { shortCodesIn } from '../crypto/one-time-secret.ts';

/** Codes, tokens and user ids have at least 20 characters. Hardly any word of a mail is so long. */
const secretInText = /[\w-]{20,}/g;

/** The secrets of a mail that only its recipient may read. */
export function mailSecrets({ text }: { readonly text: string }): string[] {
  return [...(text.match(secretInText) ?? []), ...shortCodesIn(text)];
}

/**
 * The secrets of a login, also in the encodings of the SASL mechanisms (RFC 4616, LOGIN, XOAUTH2).
 *
 * @param accessToken the last one that the token endpoint issued
 */
export function loginSecrets(login: MailLogin, accessToken?: string): string[] {
  const { user } = login;
  const inBase64 = (text: string) => Buffer.from(text).toString('base64');
  if (login.kind === 'password') {
    const { password } = login;
    return [inBase64(`\0${user}\0${password}`), inBase64(password), password];
  }
  const token = login.kind === 'access-token' ? login.accessToken : accessToken;
  const ofToken =
    token === undefined
      ? []
      : [inBase64(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`), token];
  if (login.kind === 'access-token') return ofToken;
  const { clientSecret, refreshToken } = login;
  return [...ofToken, refreshToken, ...(clientSecret === undefined ? [] : [clientSecret])];
}

/** Replaces the secrets in message, stack and server reply, and returns the same error. */
export function redact(error: Error, secrets: readonly string[]): Error {
  const redacted = (text: string) =>
    secrets.reduce((result, secret) => result.replaceAll(secret, '[secret]'), text);
  error.message = redacted(error.message);
  error.stack = redacted(error.stack ?? '');
  if ('response' in error && typeof error.response === 'string') {
    Object.assign(error, { response: redacted(error.response) });
  }
  return error;
}
