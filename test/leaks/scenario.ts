/** All operations on an account from registration to erasure, with a canary as every secret. */
import type { Canaries } from '../support/canaries.ts';
import { factOf, type MailServer } from '../support/mail-server.ts';
import { newAddress } from '../support/people.ts';
import type { Calls } from './calls.ts';

export interface LeakEnv {
  readonly calls: Calls;
  readonly canaries: Canaries;
  readonly mail: Pick<MailServer, 'waitFor'>;
}

export interface Account {
  readonly email: string;
  readonly password: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

const names = { first_name: 'Ada', last_name: 'Lovelace' };

/** The secret of the newest mail, after `count` mails to the address have arrived. */
async function mailed(
  { mail, canaries }: LeakEnv,
  name: 'Code' | 'Token',
  [to, count]: readonly [string, number],
): Promise<string> {
  const mails = await mail.waitFor(to, count);
  const codes = mails[count - 1]?.text.match(/^\w{4}-\w{4}$/gm) ?? [];
  for (const code of codes) canaries.watch('a mailed short code', code);
  return canaries.watch(`a mailed ${name}`, factOf(mails[count - 1], name));
}

export async function login(
  { calls, canaries }: LeakEnv,
  email: string,
  password: string,
): Promise<Account> {
  const tokens = await calls.rest('POST', '/login/', { json: { email, password } });
  return { email, password, ...watched(canaries, tokens) };
}

function watched(canaries: Canaries, tokens: Readonly<Record<string, string>>) {
  return {
    accessToken: canaries.watch('an access token', tokens.access_token ?? ''),
    refreshToken: canaries.watch('a refresh token', tokens.refresh_token ?? ''),
  };
}

/** Registers by REST, verifies by GraphQL and logs in. */
export async function newAccount(around: LeakEnv): Promise<Account> {
  const { calls, canaries } = around;
  const [email, password] = [newAddress(), canaries.make('a new password')];
  await calls.rest('POST', '/register/', {
    json: { ...names, email, password, password2: password },
  });
  await calls.graphql('verifyEmail', { code: await mailed(around, 'Code', [email, 1]) });
  await calls.graphql('login', { input: { email, password } });
  return login(around, email, password);
}

export async function liveByRest(around: LeakEnv): Promise<void> {
  const { calls, canaries } = around;
  const [email, first, second] = [
    newAddress(),
    canaries.make('a first password'),
    canaries.make('a reset password'),
  ];
  const form = new URLSearchParams({ ...names, email, password: first, password2: first });
  await calls.rest('POST', '/register/', { form: form.toString() });
  await calls.rest('GET', `/register/verify?code=${await mailed(around, 'Code', [email, 1])}`);
  await calls.rest('POST', '/password/request_change/', { json: { email } });
  const token = await mailed(around, 'Token', [email, 2]);
  const uidb64 = factOf((await around.mail.waitFor(email, 2))[1], 'Uid');
  await calls.rest('GET', `/password/verify/${uidb64}/${token}/`);
  const json = { uidb64, token, password: second, password2: second };
  await calls.rest('PUT', '/password/reset/', { json });
  const one = await login(around, email, second);
  const renewed = await calls.rest('POST', '/token/refresh/', {
    json: { refresh_token: one.refreshToken },
  });
  const { accessToken: bearer, refreshToken } = watched(canaries, renewed);
  await calls.rest('PUT', '/profile/update/', {
    token: bearer,
    json: { email: newAddress(), password: second },
  });
  await calls.rest('POST', '/logout/', { token: bearer, json: { refresh_token: refreshToken } });
  const last = await login(around, email, second);
  await calls.rest('DELETE', '/profile/delete/', {
    token: last.accessToken,
    json: { email, password: second },
  });
}

/** Creates an API key, and uses it before and after its revocation. */
async function useApiKey({ calls, canaries }: LeakEnv, accessToken: string): Promise<void> {
  const created = await calls.rest('POST', '/api_keys/', {
    token: accessToken,
    json: { name: 'leaks' },
  });
  const secret = canaries.watch('an API key', created.secret ?? '');
  await calls.rest('GET', '/profile/view/', { token: secret });
  await calls.rest('DELETE', `/api_keys/${created.id}/`, { token: accessToken });
  await calls.rest('GET', '/profile/view/', { token: secret }).catch(() => undefined);
}

/** Logs in, refreshes and logs out in cookie mode. */
async function useCookieMode(
  { calls, canaries }: LeakEnv,
  { email, password }: Pick<Account, 'email' | 'password'>,
): Promise<void> {
  const headers = { 'x-session-transport': 'cookie', 'sec-fetch-site': 'same-origin' };
  let cookie = '';
  const send = async (path: string, body: object) => {
    const { status, sessionCookie } = await calls.send('POST', path, {
      type: 'application/json',
      body: JSON.stringify(body),
      headers: { ...headers, cookie: `__Host-gatehouse-session=${cookie}` },
    });
    if (status >= 400) throw new Error(`${path}: ${status}`);
    cookie = sessionCookie ?? '';
  };
  for (const path of ['/auth/login/', '/auth/token/refresh/']) {
    await send(path, { email, password });
    canaries.watch('a session cookie', cookie);
  }
  await send('/auth/logout/', {});
}

export async function liveByGraphql(around: LeakEnv, admin: Account): Promise<void> {
  const { calls, canaries, mail } = around;
  const { email, password, accessToken, refreshToken } = await newAccount(around);
  await calls.graphql('refreshTokens', { refreshToken });
  await useApiKey(around, accessToken);
  await useCookieMode(around, { email, password });
  const newPassword = canaries.make('a changed password');
  await calls.graphql(
    'changePassword',
    { input: { currentPassword: password, newPassword } },
    accessToken,
  );
  const newEmail = newAddress();
  await calls.graphql('changeEmail', { input: { newEmail, password: newPassword } }, accessToken);
  await calls.graphql('confirmEmailChange', {
    code: await mailed(around, 'Code', [newEmail, 1]),
  });
  await calls.graphql('requestPasswordReset', { email: newEmail });
  const token = await mailed(around, 'Token', [newEmail, 2]);
  const uid = factOf((await mail.waitFor(newEmail, 2))[1], 'Uid');
  await calls.graphql('isPasswordResetValid', { uid, token });
  const last = canaries.make('a last password');
  await calls.graphql('resetPassword', {
    input: { uid, token, password: last, passwordConfirmation: last },
  });
  const again = await login(around, newEmail, last);
  await calls.graphql('eraseAccount', { password: last }, again.accessToken);
  const input = { email: newAddress(), password: canaries.make('a given password') };
  await calls.graphql('createUser', { input }, admin.accessToken);
  await mail.waitFor(email, 2); // the notice of the change
}
