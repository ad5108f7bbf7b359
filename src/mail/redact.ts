/** Mail servers like to quote what they were sent, and their words go into the log and beside the job. */

import type { MailLogin } from '../config/mail-settings.ts';

/** Nobody's secrets are shorter, and hardly a word is so long: codes, tokens, and links with them. */
const secretInText = /[\w-]{20,}/g;

/** What of a mail nobody may read who is not its recipient. */
export function secretsOf({ text }: { readonly text: string }): string[] {
  return text.match(secretInText) ?? [];
}

/**
 * The secrets of a login, also as the ways to log in send them (RFC 4616, LOGIN, XOAUTH2).
 *
 * @param accessToken the last one that a token endpoint gave
 */
export function writingsOfLogin(login: MailLogin, accessToken?: string): string[] {
  const { user } = login;
  const inBase64 = (text: string) => Buffer.from(text).toString('base64');
  if (login.kind === 'password') {
    const { password } = login;
    return [inBase64(`\0${user}\0${password}`), inBase64(password), password];
  }
  const given = login.kind === 'access-token' ? login.accessToken : accessToken;
  const ofTokens =
    given === undefined
      ? []
      : [inBase64(`user=${user}\u0001auth=Bearer ${given}\u0001\u0001`), given];
  if (login.kind === 'access-token') return ofTokens;
  const { clientSecret, refreshToken } = login;
  return [...ofTokens, refreshToken, ...(clientSecret === undefined ? [] : [clientSecret])];
}

/** The same error, without the secrets in its words. */
export function redact(error: Error, secrets: readonly string[]): Error {
  const clean = (text: string) =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  error.message = clean(error.message);
  error.stack = clean(error.stack ?? '');
  if ('response' in error && typeof error.response === 'string') {
    Object.assign(error, { response: clean(error.response) });
  }
  return error;
}
