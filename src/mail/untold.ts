/** Mail servers like to quote what they were sent, and their words go into the log and beside the job. */

/** Nobody's secrets are shorter, and hardly a word is so long: codes, tokens, and links with them. */
const secretInText = /[\w-]{20,}/g;

/** What of a mail nobody may read who is not its recipient. */
export function secretsOf({ text }: { readonly text: string }): string[] {
  return text.match(secretInText) ?? [];
}

/** A login as the ways to log in send it (RFC 4616, and LOGIN). */
export function writingsOfLogin(login: {
  user?: string | undefined;
  password?: string | undefined;
}) {
  const { user = '', password } = login;
  if (password === undefined) return [];
  const inBase64 = (text: string) => Buffer.from(text).toString('base64');
  return [inBase64(`\0${user}\0${password}`), inBase64(password), password];
}

/** The same error, without the secrets in its words. */
export function withoutSecrets(error: Error, secrets: readonly string[]): Error {
  const clean = (text: string) =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  error.message = clean(error.message);
  error.stack = clean(error.stack ?? '');
  if ('response' in error && typeof error.response === 'string') {
    Object.assign(error, { response: clean(error.response) });
  }
  return error;
}
