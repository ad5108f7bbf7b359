/** Choosing a new password: with a token from a mail, or with the present one. */
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
  service = await startService({ hasCostlyHashes: true });
});
afterAll(() => service.close());

const newPassword = 'an entirely new passphrase';
const loggedIn = { __typename: 'TokenPair' };
const acknowledged = { __typename: 'Acknowledgement' };

interface Reset {
  readonly uid: string;
  readonly token: string;
}

/** Asks for a reset and reads uid and token from the mail. */
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

test('a link that no mail can hold is dead like every other, over GraphQL and REST', async () => {
  for (const text of ['\u0000', 'a\u0007b', '\u2028', ' ', 'x'.repeat(600), '🙂']) {
    expect(await isValid({ uid: text, token: text })).toBe(false);
    const path = `/password/verify/${encodeURIComponent(text)}/${encodeURIComponent(text)}/`;
    const answer = await service.rest('GET', path);
    expect(answer.status, JSON.stringify(text)).toBe(401);
    expect(answer.body.message).toBe('Invalid or expired codes');
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

describe('a reset by mail', () => {
  test('sets the password once, ends every session, and tells the owner', async () => {
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

  test('of 16 parallel uses of one token exactly one wins, and its password is the one', async () => {
    const { email } = await somebody(service);
    const link = await requestReset(email);
    const passwords = Array.from({ length: 16 }, (_, index) => `parallel passphrase ${index}`);
    const answers = await Promise.all(passwords.map((password) => reset(link, password)));
    const winners = passwords.filter((_, index) => answers[index].__typename === 'Acknowledgement');
    expect(winners).toHaveLength(1);
    for (const password of passwords.slice(0, 4).concat(winners)) {
      const isWinner = winners.includes(password);
      expect((await tryLogin(service, email, password)).__typename).toBe(
        isWinner ? 'TokenPair' : 'Problem',
      );
    }
  });

  test('a token lives for an hour', async () => {
    await using late = await startService();
    const { email } = await somebody(late);
    const link = await requestReset(email, late);
    late.advance(3590);
    expect(await isValid(link, late)).toBe(true);
    late.advance(20);
    expect(await isValid(link, late)).toBe(false);
    expect(await reset(link, newPassword, late)).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test('a newer request ends the earlier token', async () => {
    const { email } = await somebody(service);
    const [first, second] = [await requestReset(email), await requestReset(email)];
    expect([await isValid(first), await isValid(second)]).toEqual([false, true]);
    expect(await reset(first)).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test.each([
    [
      'a change of password',
      async (accessToken: string) => changePassword(accessToken, goodPassword),
    ],
    [
      'a disabling',
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
  ])('%s ends the token', async (_, end) => {
    const { email, accessToken, userId } = await somebody(service);
    const link = await requestReset(email);
    await end(accessToken, userId);
    expect(await isValid(link)).toBe(false);
    expect(await reset(link)).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test("a token is worth nothing with another person's uid, and a verification code is no token", async () => {
    const [ada, bob] = [await somebody(service), await somebody(service)];
    const [ofAda, ofBob] = [await requestReset(ada.email), await requestReset(bob.email)];
    const mixed = { uid: ofBob.uid, token: ofAda.token };
    expect(await isValid(mixed)).toBe(false);
    expect(await reset(mixed)).toMatchObject({ code: 'INVALID_TOKEN' });
    const waiting = await register(service);
    expect(await reset({ uid: ofAda.uid, token: waiting.code })).toMatchObject({
      code: 'INVALID_TOKEN',
    });
    expect(await isValid(ofAda)).toBe(true);
  });

  test('a disabled or waiting account gets no mail and stays what it is', async () => {
    const disabled = await somebody(service);
    const waiting = await register(service);
    await service.database.query("update users set status = 'DISABLED' where id = $1", [
      disabled.userId,
    ]);
    const before = service.mail.mails.length;
    for (const email of [disabled.email, waiting.email, newAddress()]) {
      const answer = await service.rest('POST', '/password/request_change/', { json: { email } });
      expect([answer.status, answer.body]).toEqual([
        200,
        { message: "We've sent you a link to reset your password", data: {} },
      ]);
    }
    await quiet(service);
    expect(service.mail.mails).toHaveLength(before);
  });

  test('fifty requests make three mails', async () => {
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

  test('links lead to PUBLIC_URL whatever the request says of its host', async () => {
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
  ])('one plain address is asked for, not %j', async (json) => {
    const before = service.mail.mails.length;
    const answer = await service.rest('POST', '/password/request_change/', { json });
    expect(answer.status).toBe(400);
    await quiet(service);
    expect(service.mail.mails).toHaveLength(before);
  });

  test('over REST: valid codes, invalid ones with 401, a reset with 200, a bad one with 400', async () => {
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

  test('uid and token of any shape are refused and never an error of ours', async () => {
    const odd = ['', ' ', '../..', '%00', 'a'.repeat(400), '😀', "' or 1=1", '$ne', 'AA==', '0'];
    for (const text of odd) {
      const answer = await service.rest(
        'GET',
        `/password/verify/${encodeURIComponent(text)}/${encodeURIComponent(text)}/`,
      );
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(await reset({ uid: text || 'x', token: text || 'x' })).toMatchObject({
        __typename: 'Problem',
      });
    }
  });
});

describe('a change with the present password', () => {
  test('spares this session, ends the others and tells the owner', async () => {
    const { email, accessToken } = await person(service);
    const other = await tryLogin(service, email);
    expect(await changePassword(accessToken, goodPassword)).toEqual(acknowledged);
    expect([await isIn(accessToken), await isIn(other.accessToken)]).toEqual([true, false]);
    expect(await tryLogin(service, email, newPassword)).toMatchObject(loggedIn);
    await service.mail.waitFor(email, 2);
  });

  test('needs the right one', async () => {
    const { accessToken, email } = await somebody(service);
    expect(await changePassword(accessToken, 'not the password')).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
  });

  test('of 16 parallel changes one wins', async () => {
    const { accessToken, email } = await somebody(service);
    const passwords = Array.from({ length: 16 }, (_, index) => `parallel passphrase ${index}`);
    const answers = await Promise.all(
      passwords.map((password) => changePassword(accessToken, goodPassword, password)),
    );
    const winners = passwords.filter((_, index) => answers[index].__typename === 'Acknowledgement');
    expect(winners).toHaveLength(1);
    expect(await tryLogin(service, email, winners[0])).toMatchObject(loggedIn);
  });
});

describe('the policy holds behind every door', () => {
  const refusedPasswords = ['password1', 'newpassword', 'Passw0rd1', 'seven77', 'gatehouse'];
  const refused = { code: 'VALIDATION_FAILED' };

  test.each(refusedPasswords)('%s is refused', async (password) => {
    const { email, accessToken } = await somebody(service);
    await expect(register(service, { password })).rejects.toThrow('VALIDATION_FAILED');
    expect(await reset(await requestReset(email), password)).toMatchObject(refused);
    expect(await changePassword(accessToken, goodPassword, password)).toMatchObject(refused);
    await expect(
      service.app.users.provisioning.provision(
        { email: newAddress(), password },
        { kind: 'user', isActive: true },
      ),
    ).rejects.toMatchObject(refused);
  });

  test("words from one's own data are refused", async () => {
    const email = `alice-${Date.now()}@example.com`;
    await expect(
      register(service, { email: 'alice@example.org', password: 'alice-alice-1' }),
    ).rejects.toThrow('VALIDATION_FAILED');
    const { accessToken } = await somebody(service, { email, firstName: 'Wilhelmina' });
    expect(await changePassword(accessToken, goodPassword, 'Wilhelmina1')).toMatchObject(refused);
  });

  test('PASSWORD_MIN_LENGTH counts characters, not bytes', async () => {
    await using strict = await startService({ environment: { PASSWORD_MIN_LENGTH: '15' } });
    await expect(register(strict, { password: 'fourteen chars' })).rejects.toThrow('at least 15');
    await register(strict, { password: '🦊🐢🐝🐙🦀🐳🦉🐌🦋🐞🐜🦗🕷🦂🐍' });
  });

  test('a megabyte of password is refused before anything is hashed', async () => {
    const start = performance.now();
    const answer = await service.rest('POST', '/login/', {
      json: { email: newAddress(), password: 'x'.repeat(1_000_000) },
    });
    expect(answer.status).toBe(413);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
