/** Cookie mode: every operation that ends the session of the cookie removes the cookie, and no other does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CookieAnswer,
  type CookieSession,
  cookieSession,
  createCookieClient,
  logoutDocument,
  refreshDocument,
} from '../../support/cookie-client.ts';
import { factOf } from '../../support/mail-server.ts';
import { openPage } from '../../support/page.ts';
import { newestLink } from '../../support/page-links.ts';
import { goodPassword, somebody } from '../../support/people.ts';
import { resetLink } from '../../support/resets.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterAll(() => service.close());

const newPassword = 'a different passphrase';
const removed = expect.stringMatching(/^__Host-gatehouse-session=; Path=\/; Max-Age=0; /);

const isLive = async (cookie: string | undefined) => {
  const { data } = await createCookieClient(service, cookie).graphql(refreshDocument);
  return data.result.__typename === 'TokenPair';
};

const sessionIds = async ({ accessToken }: CookieSession) => {
  const { data } = await service.graphql('{ me { sessions { id current } } }', {}, accessToken);
  return data.me.sessions as { id: string; current: boolean }[];
};

/** Sends a mutation in cookie mode with the access token. */
const change = (session: CookieSession, document: string, variables: object = {}) =>
  session.graphql(`mutation ${document}`, variables, { token: session.accessToken });

/** A superuser's session, for changes of the own account by operations of administrators. */
const asSuperuser = async (session: CookieSession) => {
  await service.database.query('update users set is_superuser = true where id = $1', [
    session.userId,
  ]);
};

async function resetLinkOf({ email }: CookieSession) {
  const { uid, token } = await resetLink(service, email);
  return { uid, token, password: newPassword };
}

const ends: Readonly<Record<string, (session: CookieSession) => Promise<CookieAnswer>>> = {
  logout: (session) => change(session, '{ result: logout { __typename } }'),
  logoutEverywhere: (session) => change(session, '{ result: logoutEverywhere { __typename } }'),
  'DELETE logout/': (session) => session.rest('DELETE', '/logout/', { token: session.accessToken }),
  async 'revokeSession of the current session'(session) {
    const { id } = (await sessionIds(session)).find(({ current }) => current) ?? {};
    return change(session, '($id: ID!) { result: revokeSession(id: $id) { __typename } }', { id });
  },
  async resetPassword(session) {
    const input = await resetLinkOf(session);
    return session.graphql(
      'mutation ($input: ResetPasswordInput!) { result: resetPassword(input: $input) { __typename } }',
      { input },
    );
  },
  async 'PUT password/reset/'(session) {
    const { uid, ...rest } = await resetLinkOf(session);
    return session.rest('PUT', '/password/reset/', { json: { uidb64: uid, ...rest } });
  },
  deactivateAccount: (session) =>
    change(
      session,
      '($input: DeactivateAccountInput!) { result: deactivateAccount(input: $input) { __typename } }',
      { input: { email: session.email, password: goodPassword } },
    ),
  eraseAccount: (session) =>
    change(
      session,
      '($password: String!) { result: eraseAccount(password: $password) { __typename } }',
      {
        password: goodPassword,
      },
    ),
  async cancelEmailChange(session) {
    const input = { newEmail: `new-${session.email}`, password: goodPassword };
    await change(
      session,
      '($input: ChangeEmailInput!) { result: changeEmail(input: $input) { __typename } }',
      { input },
    );
    const [mail] = await service.mail.waitFor(session.email);
    const code = factOf(mail, 'Code');
    return session.graphql(
      'mutation ($code: String!) { result: cancelEmailChange(code: $code) { __typename } }',
      { code },
    );
  },
  async 'updateUser with a password of the own account'(session) {
    await asSuperuser(session);
    return change(
      session,
      '($id: ID!, $input: UpdateUserInput!) { result: updateUser(id: $id, input: $input) { __typename } }',
      { id: session.userId, input: { password: newPassword } },
    );
  },
  async 'revokeUserSessions of the own account'(session) {
    await asSuperuser(session);
    return change(
      session,
      '($id: ID!) { result: revokeUserSessions(userId: $id) { __typename } }',
      {
        id: session.userId,
      },
    );
  },
};

test.each(Object.entries(ends))('%s removes the cookie', async (_name, end) => {
  const session = await cookieSession(service);
  const before = session.cookie;
  const answer = await end(session);
  expect(answer.status, answer.text).toBeLessThan(300);
  if (answer.data?.result) expect(answer.data.result.__typename, answer.text).not.toBe('Problem');
  expect(answer.setCookies).toEqual([removed]);
  expect(await isLive(before)).toBe(false);
});

const keeps: Readonly<Record<string, (session: CookieSession) => Promise<CookieAnswer>>> = {
  changePassword: (session) =>
    change(
      session,
      '($input: ChangePasswordInput!) { result: changePassword(input: $input) { __typename } }',
      { input: { currentPassword: goodPassword, newPassword } },
    ),
  async 'revokeSession of another session'(session) {
    await cookieSession(service, { email: session.email });
    const { id } = (await sessionIds(session)).find(({ current }) => !current) ?? {};
    return change(session, '($id: ID!) { result: revokeSession(id: $id) { __typename } }', { id });
  },
  async 'resetPassword of another account'(session) {
    const { email } = await somebody(service);
    const { uid, token } = await resetLink(service, email);
    return session.graphql(
      'mutation ($input: ResetPasswordInput!) { result: resetPassword(input: $input) { __typename } }',
      { input: { uid, token, password: newPassword } },
    );
  },
  'a logout with a wrong refresh token': (session) =>
    session.graphql(logoutDocument, { refreshToken: 'wrong' }, { token: session.accessToken }),
};

test.each(Object.entries(keeps))('%s keeps the cookie', async (_name, call) => {
  const session = await cookieSession(service);
  const { setCookies, status, data } = await call(session);
  expect([status, data.result.__typename]).toEqual([200, expect.any(String)]);
  expect(setCookies).toEqual([]);
  expect(await isLive(session.cookie)).toBe(true);
});

describe('a logout', () => {
  test('ends the session of the cookie and that of the access token', async () => {
    const session = await cookieSession(service);
    const other = await cookieSession(service, { email: session.email });
    const { data } = await session.graphql(logoutDocument, {}, { token: other.accessToken });
    expect(data.result.__typename).toBe('Acknowledgement');
    expect([await isLive(session.cookie), await isLive(other.cookie)]).toEqual([false, false]);
  });

  test('with an expired access token succeeds', async () => {
    for (const way of ['GraphQL', 'REST'] as const) {
      const session = await cookieSession(service);
      const before = session.cookie;
      const { status } =
        way === 'GraphQL'
          ? await session.graphql(logoutDocument, {}, { token: 'expired' })
          : await session.rest('POST', '/logout/', { token: 'expired' });
      expect(status).toBe(way === 'GraphQL' ? 200 : 204);
      expect(await isLive(before)).toBe(false);
    }
  });

  test('with a cookie whose session has ended succeeds and removes it, with a forged one it is refused', async () => {
    const session = await cookieSession(service);
    const { cookie = '' } = session;
    await session.graphql(logoutDocument);
    session.cookie = cookie;
    const again = await session.graphql(logoutDocument);
    expect([again.data.result.__typename, again.setCookies]).toEqual([
      'Acknowledgement',
      [removed],
    ]);
    session.cookie = cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const forged = await session.graphql(logoutDocument);
    expect([forged.data.result.code, forged.setCookies]).toEqual(['INVALID_TOKEN', [removed]]);
  });

  test('in cookie mode without a cookie needs an access token', async () => {
    const client = createCookieClient(service);
    const { errors } = await client.graphql(logoutDocument);
    expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    expect((await client.rest('POST', '/logout/')).status).toBe(401);
    const { accessToken: token } = await somebody(service);
    expect((await client.rest('POST', '/logout/', { token })).status).toBe(204);
  });

  test('is in the audit log once, with its user', async () => {
    const session = await cookieSession(service);
    const { cookie } = session;
    for (const _ of [1, 2, 3]) {
      session.cookie = cookie;
      await session.graphql(logoutDocument);
    }
    const rows = await service.database.query<{ action: string }>(
      "select action from audit_entries where actor_id = $1 and action = 'logged-out'",
      [session.userId],
    );
    expect(rows).toHaveLength(1);
  });
});

describe('the page for a new password', () => {
  const submit = async (session: CookieSession, headers: Readonly<Record<string, string>>) => {
    const { email, cookie } = session;
    await service.rest('POST', '/password/request_change/', { json: { email } });
    const link = new URL(await newestLink(service, email, '/reset-password'));
    const page = await openPage(service, link.href);
    expect(page.status).toBe(200);
    const typed = { password: newPassword, passwordConfirmation: newPassword };
    const body = new URLSearchParams({ ...Object.fromEntries(link.searchParams), ...typed });
    const response = await fetch(`${service.address}/reset-password`, {
      method: 'POST',
      headers: { ...headers, cookie: `__Host-gatehouse-session=${cookie}` },
      body,
      redirect: 'manual',
    });
    expect([response.status, response.headers.get('location')]).toEqual([
      303,
      '/reset-password/done',
    ]);
    expect(await isLive(cookie)).toBe(false);
    return response.headers.getSetCookie();
  };

  test('removes the cookie of the ended session', async () => {
    for (const headers of [
      { origin: service.app.config.publicUrl },
      { origin: 'null', 'sec-fetch-site': 'same-origin' }, // as Chromium sends it
    ]) {
      expect(await submit(await cookieSession(service), headers)).toEqual([removed]);
    }
  });

  test('works for a form without an origin too, and leaves the cookie', async () => {
    expect(await submit(await cookieSession(service), { origin: 'null' })).toEqual([]);
  });
});
