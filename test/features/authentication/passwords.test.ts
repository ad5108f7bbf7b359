/** Password resets, password changes and the password policy. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { factOf } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  person,
  register,
  somebody,
  tryLogin,
} from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const newPassword = 'an entirely new passphrase';
const loggedIn = { __typename: 'TokenPair' };
const acknowledged = { __typename: 'Acknowledgement' };

interface Reset {
  readonly uid: string;
  readonly token: string;
}

/** Requests a reset, and reads the uid and token from the mail. */
async function requestReset(email: string, at: TestService = service): Promise<Reset> {
  const isReset = (mail: { to: string; text: string }) =>
    mail.to === email && /^Token: /m.test(mail.text);
  const before = at.mail.mails.filter(isReset).length;
  const { data } = await at.graphql(
    'mutation ($email: String!) { requestPasswordReset(email: $email) { __typename } }',
    { email },
  );
  expect(data.requestPasswordReset).toEqual(acknowledged);
  for (let round = 0; round < 200; round += 1) {
    const mails = at.mail.mails.filter(isReset);
    if (mails.length > before) {
      return { uid: factOf(mails.at(-1), 'Uid'), token: factOf(mails.at(-1), 'Token') };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no reset mail to ${email}`);
}

async function reset(input: Reset, password = newPassword, at: TestService = service) {
  const { data } = await at.graphql(
    `mutation ($input: ResetPasswordInput!) {
       resetPassword(input: $input) { __typename ... on Problem { code fields { path message } } }
     }`,
    { input: { ...input, password } },
  );
  return data.resetPassword;
}

async function isValid(input: Reset, at: TestService = service): Promise<boolean> {
  const { data } = await at.graphql(
    'query ($uid: String!, $token: String!) { isPasswordResetValid(uid: $uid, token: $token) }',
    { ...input },
  );
  return data.isPasswordResetValid;
}

test('a link that no mail can contain is invalid, over GraphQL and REST', async () => {
  for (const text of ['\u0000', 'a\u0007b', '\u2028', ' ', 'x'.repeat(600), '🙂']) {
    expect(await isValid({ uid: text, token: text })).toBe(false);
    const path = `/password/verify/${encodeURIComponent(text)}/${encodeURIComponent(text)}/`;
    const response = await service.rest('GET', path);
    expect(response.status, JSON.stringify(text)).toBe(401);
    expect(response.body.message).toBe('Invalid or expired codes');
  }
});

async function changePassword(
  accessToken: string,
  currentPassword: string,
  password = newPassword,
) {
  const { data } = await service.graphql(
    `mutation ($input: ChangePasswordInput!) {
       changePassword(input: $input) { __typename ... on Problem { code fields { path message } } }
     }`,
    { input: { currentPassword, newPassword: password } },
    accessToken,
  );
  return data.changePassword;
}

const isIn = async (accessToken: string) =>
  (await service.graphql('{ me { id } }', {}, accessToken)).status === 200;

describe('a password reset', () => {
  test('sets the password once, ends every session and sends a mail to the owner', async () => {
    const { email, accessToken, refreshToken } = await person(service);
    const link = await requestReset(email);
    expect(await isValid(link)).toBe(true);
    expect(await reset(link)).toEqual(acknowledged);
    expect(await isValid(link)).toBe(false);
    expect(await reset(link)).toMatchObject({ code: 'INVALID_TOKEN' });
    expect(await isIn(accessToken)).toBe(false);
    const refreshed = await service.rest('POST', '/token/refresh/', {
      json: { refresh_token: refreshToken },
    });
    expect(refreshed.status).toBe(401);
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(await tryLogin(service, email, newPassword)).toMatchObject(loggedIn);
    const mails = await service.mail.waitFor(email, 3);
    expect(mails.at(-1)?.subject).toMatch(/password/i);
    expect(mails.at(-1)?.text).not.toContain(newPassword);
  });

  test('of 16 parallel uses of one token exactly one succeeds, and its password is set', async () => {
    const { email } = await somebody(service);
    const link = await requestReset(email);
    const passwords = Array.from({ length: 16 }, (_, index) => `parallel passphrase ${index}`);
    const responses = await Promise.all(passwords.map((password) => reset(link, password)));
    const successful = passwords.filter(
      (_, index) => responses[index].__typename === 'Acknowledgement',
    );
    expect(successful).toHaveLength(1);
    for (const password of passwords.slice(0, 4).concat(successful)) {
      const isSuccessful = successful.includes(password);
      expect((await tryLogin(service, email, password)).__typename).toBe(
        isSuccessful ? 'TokenPair' : 'Problem',
      );
    }
  });

  test('a token is valid for an hour', async () => {
    await using late = await startService();
    const { email } = await somebody(late);
    const link = await requestReset(email, late);
    late.advance(3590);
    expect(await isValid(link, late)).toBe(true);
    late.advance(20);
    expect(await isValid(link, late)).toBe(false);
    expect(await reset(link, newPassword, late)).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test('a new request invalidates the earlier token', async () => {
    const { email } = await somebody(service);
    const [first, second] = [await requestReset(email), await requestReset(email)];
    expect([await isValid(first), await isValid(second)]).toEqual([false, true]);
    expect(await reset(first)).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test.each([
    ['a password change', async (accessToken: string) => changePassword(accessToken, goodPassword)],
    [
      'disabling the account',
      async (_: string, userId: string) =>
        service.database.query("update users set status = 'DISABLED' where id = $1", [userId]),
    ],
    [
      'a change of address',
      async (_: string, userId: string) =>
        service.database.query("update users set email = 'moved-' || email where id = $1", [
          userId,
        ]),
    ],
  ])('%s invalidates the token', async (_, end) => {
    const { email, accessToken, userId } = await somebody(service);
    const link = await requestReset(email);
    await end(accessToken, userId);
    expect(await isValid(link)).toBe(false);
    expect(await reset(link)).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test('a token is invalid with the uid of another user, and a verification code is not a token', async () => {
    const [ada, bob] = [await somebody(service), await somebody(service)];
    const [ofAda, ofBob] = [await requestReset(ada.email), await requestReset(bob.email)];
    const mixed = { uid: ofBob.uid, token: ofAda.token };
    expect(await isValid(mixed)).toBe(false);
    expect(await reset(mixed)).toMatchObject({ code: 'INVALID_TOKEN' });
    const pending = await register(service);
    expect(await reset({ uid: ofAda.uid, token: pending.code })).toMatchObject({
      code: 'INVALID_TOKEN',
    });
    expect(await isValid(ofAda)).toBe(true);
  });

  test('a request for a disabled account, a registration or an unknown address sends no mail', async () => {
    const disabled = await somebody(service);
    const pending = await register(service);
    await service.database.query("update users set status = 'DISABLED' where id = $1", [
      disabled.userId,
    ]);
    const before = service.mail.mails.length;
    for (const email of [disabled.email, pending.email, newAddress()]) {
      const response = await service.rest('POST', '/password/request_change/', { json: { email } });
      expect([response.status, response.body]).toEqual([
        200,
        { message: "We've sent you a link to reset your password", data: {} },
      ]);
    }
    await quiet(service);
    expect(service.mail.mails).toHaveLength(before);
  });

  test('fifty requests send at most three mails', async () => {
    const { email } = await somebody(service);
    await Promise.all(
      Array.from({ length: 50 }, () =>
        service.rest('POST', '/password/request_change/', { json: { email } }),
      ),
    );
    await quiet(service);
    const mails = service.mail.mails.filter(
      (mail) => mail.to === email && /^Token: /m.test(mail.text),
    );
    expect(mails.length).toBeLessThanOrEqual(3);
  });

  test('links use PUBLIC_URL and ignore the forwarded host of the request', async () => {
    const { email } = await person(service);
    await fetch(`${service.address}/auth/password/request_change/`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-host': 'evil.example',
        forwarded: 'host=evil.example',
      },
      body: JSON.stringify({ email }),
    });
    const mails = await service.mail.waitFor(email, 2);
    const urls = `${mails.at(-1)?.text}${mails.at(-1)?.html}`.match(/https?:\/\/[^\s"<]+/g) ?? [];
    expect(urls.length).toBeGreaterThan(0);
    for (const url of urls) expect(url).toMatch(/^http:\/\/auth\.test\//);
  });

  test.each([
    { email: ['v@example.com', 'a@example.com'] },
    { email: 'v@example.com,a@example.com' },
    { email: { $ne: null } },
    { email: 'v@example.com\nbcc: a@example.com' },
    { email: 'ＶICTIM@example.com' },
    { email: 'vıctim@example.com' },
  ])('a request needs one plain address and rejects %j', async (json) => {
    const before = service.mail.mails.length;
    const response = await service.rest('POST', '/password/request_change/', { json });
    expect(response.status).toBe(400);
    await quiet(service);
    expect(service.mail.mails).toHaveLength(before);
  });

  test('over REST a check of the codes returns 200 or 401, and a reset returns 200 or 400', async () => {
    const { email } = await somebody(service);
    const { uid, token } = await requestReset(email);
    expect(Buffer.from(uid, 'base64url').toString()).toMatch(/^[0-9a-f-]{36}$/);
    const good = await service.rest('GET', `/password/verify/${uid}/${token}/`);
    expect([good.status, good.body.message]).toEqual([200, 'Valid codes']);
    const bad = await service.rest('GET', `/password/verify/${uid}/nonsense/`);
    expect([bad.status, bad.body.message, bad.body.data.code]).toEqual([
      401,
      'Invalid or expired codes',
      'INVALID_TOKEN',
    ]);
    const put = (body: object) => service.rest('PUT', '/password/reset/', { json: body });
    const done = { uidb64: uid, token, password: newPassword, password2: newPassword };
    const unequal = await put({ ...done, password2: 'another' });
    expect([unequal.status, unequal.body.data.fields[0].path]).toEqual([400, 'password2']);
    const weak = await put({ ...done, password: 'password1', password2: 'password1' });
    expect([weak.status, weak.body.data.fields[0].path]).toEqual([400, 'password']);
    const ok = await put(done);
    expect([ok.status, ok.body]).toEqual([
      200,
      { message: 'Password reset successfully', data: {} },
    ]);
    const again = await put(done);
    expect([again.status, again.body.data.code]).toEqual([400, 'INVALID_TOKEN']);
  });

  test('a malformed uid or token is rejected without an internal error', async () => {
    const odd = ['', ' ', '../..', '%00', 'a'.repeat(400), '😀', "' or 1=1", '$ne', 'AA==', '0'];
    for (const text of odd) {
      const response = await service.rest(
        'GET',
        `/password/verify/${encodeURIComponent(text)}/${encodeURIComponent(text)}/`,
      );
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expect(await reset({ uid: text || 'x', token: text || 'x' })).toMatchObject({
        __typename: 'Problem',
      });
    }
  });
});

describe('a password change with the current password', () => {
  test('keeps the current session, ends the others and sends a mail to the owner', async () => {
    const { email, accessToken } = await person(service);
    const other = await tryLogin(service, email);
    expect(await changePassword(accessToken, goodPassword)).toEqual(acknowledged);
    expect([await isIn(accessToken), await isIn(other.accessToken)]).toEqual([true, false]);
    expect(await tryLogin(service, email, newPassword)).toMatchObject(loggedIn);
    await service.mail.waitFor(email, 2);
  });

  test('needs the correct password', async () => {
    const { accessToken, email } = await somebody(service);
    expect(await changePassword(accessToken, 'not the password')).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
  });

  test('of 16 parallel changes one succeeds', async () => {
    const { accessToken, email } = await somebody(service);
    const passwords = Array.from({ length: 16 }, (_, index) => `parallel passphrase ${index}`);
    const responses = await Promise.all(
      passwords.map((password) => changePassword(accessToken, goodPassword, password)),
    );
    const successful = passwords.filter(
      (_, index) => responses[index].__typename === 'Acknowledgement',
    );
    expect(successful).toHaveLength(1);
    expect(await tryLogin(service, email, successful[0])).toMatchObject(loggedIn);
  });
});

describe('the password policy applies to every interface', () => {
  const rejectedPasswords = ['password1', 'newpassword', 'Passw0rd1', 'seven77', 'gatehouse'];
  const rejected = { code: 'VALIDATION_FAILED' };

  test.each(rejectedPasswords)('%s is rejected', async (password) => {
    const { email, accessToken } = await somebody(service);
    await expect(register(service, { password })).rejects.toThrow('VALIDATION_FAILED');
    expect(await reset(await requestReset(email), password)).toMatchObject(rejected);
    expect(await changePassword(accessToken, goodPassword, password)).toMatchObject(rejected);
    await expect(
      service.app.users.provisioning.provision(
        { email: newAddress(), password },
        { kind: 'user', isActive: true },
      ),
    ).rejects.toMatchObject(rejected);
  });

  test("words from the user's own data are rejected", async () => {
    const email = `alice-${Date.now()}@example.com`;
    await expect(
      register(service, { email: 'alice@example.org', password: 'alice-alice-1' }),
    ).rejects.toThrow('VALIDATION_FAILED');
    const { accessToken } = await somebody(service, { email, firstName: 'Wilhelmina' });
    expect(await changePassword(accessToken, goodPassword, 'Wilhelmina1')).toMatchObject(rejected);
  });

  test('PASSWORD_MIN_LENGTH counts characters, not bytes', async () => {
    await using strict = await startService({ environment: { PASSWORD_MIN_LENGTH: '15' } });
    await expect(register(strict, { password: 'fourteen chars' })).rejects.toThrow('at least 15');
    await register(strict, { password: '🦊🐢🐝🐙🦀🐳🦉🐌🦋🐞🐜🦗🕷🦂🐍' });
  });

  test('a password of a megabyte is rejected before it is hashed', async () => {
    const start = performance.now();
    const response = await service.rest('POST', '/login/', {
      json: { email: newAddress(), password: 'x'.repeat(1_000_000) },
    });
    expect(response.status).toBe(413);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
