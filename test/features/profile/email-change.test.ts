/** Changes of the email address by the user. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { factOf } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  person,
  register,
  somebody,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const acknowledged = { __typename: 'Acknowledgement' };
const rejected = { __typename: 'Problem', code: 'INVALID_CODE' };

async function change(accessToken: string, newEmail: string, password = goodPassword) {
  const { data } = await service.graphql(
    'mutation ($input: ChangeEmailInput!) { changeEmail(input: $input) { __typename ... on Problem { code } } }',
    { input: { newEmail, password } },
    accessToken,
  );
  return data.changeEmail;
}

async function use(operation: 'confirmEmailChange' | 'cancelEmailChange', code: string) {
  const { data } = await service.graphql(
    `mutation ($code: String!) { ${operation}(code: $code) { __typename ... on Problem { code } } }`,
    { code },
  );
  return data[operation];
}

const confirm = (code: string) => use('confirmEmailChange', code);

/** The newest code that was mailed to an address. */
async function codeTo(email: string, count = 1): Promise<string> {
  return factOf((await service.mail.waitFor(email, count)).at(-1), 'Code');
}

async function emailOf(userId: string): Promise<string | undefined> {
  const [row] = await service.database.query<{ email: string }>(
    'select email from users where id = $1',
    [userId],
  );
  return row?.email;
}

test('the address changes when its code is confirmed, and the current one works until then', async () => {
  const { email, accessToken, userId } = await person(service);
  const newEmail = newAddress();
  expect(await change(accessToken, newEmail.toUpperCase())).toEqual(acknowledged);
  const { data } = await service.graphql('{ me { email pendingEmail } }', {}, accessToken);
  expect(data.me).toEqual({ email, pendingEmail: newEmail });
  expect(await tryLogin(service, newEmail)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
  const notice = (await service.mail.waitFor(email, 2)).at(-1);
  expect(notice?.text).toContain(newEmail);
  expect(await confirm(await codeTo(newEmail))).toEqual(acknowledged);
  expect(await emailOf(userId)).toBe(newEmail);
  expect(await tryLogin(service, newEmail)).toMatchObject({ __typename: 'TokenPair' });
  expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  // The former address gets a notice of the change.
  await service.mail.waitFor(email, 3);
});

test('a change of address needs the password', async () => {
  const { accessToken, userId, email } = await somebody(service);
  expect(await change(accessToken, newAddress(), 'not the password')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  expect(await emailOf(userId)).toBe(email);
});

test('of 16 parallel confirmations one succeeds', async () => {
  const { accessToken } = await somebody(service);
  const newEmail = newAddress();
  await change(accessToken, newEmail);
  const code = await codeTo(newEmail);
  const responses = await Promise.all(Array.from({ length: 16 }, () => confirm(code)));
  expect(responses.filter(({ __typename }) => __typename === 'Acknowledgement')).toHaveLength(1);
});

test('the code to the current address confirms no change, and the code to the new one cancels none', async () => {
  const { email, accessToken, userId } = await person(service);
  const newEmail = newAddress();
  await change(accessToken, newEmail);
  const [toNew, toCurrent] = [await codeTo(newEmail), await codeTo(email, 2)];
  expect(await confirm(toCurrent)).toEqual(rejected);
  const again = await person(service);
  await change(again.accessToken, newAddress());
  expect(await use('cancelEmailChange', toNew)).toEqual(rejected);
  expect(await emailOf(userId)).toBe(email);
});

test('a cancelled change cannot be confirmed, and every session has ended', async () => {
  const { email, accessToken, userId } = await person(service);
  const newEmail = newAddress();
  await change(accessToken, newEmail);
  const [toNew, toCurrent] = [await codeTo(newEmail), await codeTo(email, 2)];
  expect(await use('cancelEmailChange', toCurrent)).toEqual(acknowledged);
  expect(await confirm(toNew)).toEqual(rejected);
  expect(await emailOf(userId)).toBe(email);
  expect((await service.graphql('{ me { id } }', {}, accessToken)).status).toBe(401);
});

test('a password change cancels the change of address', async () => {
  const { accessToken, userId, email } = await somebody(service);
  const newEmail = newAddress();
  await change(accessToken, newEmail);
  const code = await codeTo(newEmail);
  await service.graphql(
    'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }',
    { input: { currentPassword: goodPassword, newPassword: 'an entirely new passphrase' } },
    accessToken,
  );
  expect(await confirm(code)).toEqual(rejected);
  expect(await emailOf(userId)).toBe(email);
});

test('parallel changes never set an address without the code that was mailed to it', async () => {
  let confirmed = 0;
  for (let round = 0; round < 10; round += 1) {
    // The rate limit is five changes an hour for each account.
    const { accessToken, userId } = await somebody(service);
    const [own, victims] = [newAddress(), newAddress()];
    await Promise.all([change(accessToken, own), change(accessToken, victims)]);
    await quiet(service);
    const mails = service.mail.mails.filter(({ to }) => to === own);
    for (const mail of mails) await confirm(factOf(mail, 'Code'));
    const email = await emailOf(userId);
    expect(email).not.toBe(victims);
    if (email === own) confirmed += 1;
  }
  expect(confirmed).toBeGreaterThan(0);
}, 60_000);

test('a taken address gets the same response as a free one, and its owner gets a mail', async () => {
  const owner = await person(service);
  const { accessToken, userId, email } = await person(service);
  expect(await change(accessToken, owner.email)).toEqual(acknowledged);
  await service.mail.waitFor(owner.email, 2);
  await quiet(service);
  const mails = service.mail.mails.filter(({ to }) => to === owner.email);
  expect(
    mails.some(({ text }) => /^Code: /m.test(text) && text.includes('confirm-email-change')),
  ).toBe(false);
  expect(await emailOf(userId)).toBe(email);
});

test('J07: the exported data of a user reveals nothing about another address', async () => {
  const owner = await somebody(service);
  const shape = async (newEmail: string) => {
    const { accessToken } = await somebody(service);
    expect(await change(accessToken, newEmail)).toEqual(acknowledged);
    await quiet(service);
    const { data } = await service.graphql('{ exportMyData }', {}, accessToken);
    const { mailedCodes } = data.exportMyData;
    return mailedCodes.map(({ kind, email, endedAt }: Record<string, unknown>) => [
      kind,
      email === newEmail,
      endedAt,
    ]);
  };
  const ofFree = await shape(newAddress());
  expect(ofFree).toHaveLength(2);
  expect(await shape(owner.email)).toEqual(ofFree);
});

test('the owner of a taken address gets at most three notices an hour, and a disabled account gets its own notice', async () => {
  const owner = await somebody(service);
  for (let round = 0; round < 4; round += 1) {
    const { accessToken } = await somebody(service);
    await change(accessToken, owner.email);
    await quiet(service);
  }
  const subjects = (email: string) =>
    service.mail.mails.filter(({ to }) => to === email).map(({ subject }) => subject);
  expect(subjects(owner.email)).toEqual(Array(3).fill('You already have an account at Gatehouse'));
  const disabled = await somebody(service);
  await service.database.query("update users set status = 'DISABLED' where id = $1", [
    disabled.userId,
  ]);
  const { accessToken } = await somebody(service);
  await change(accessToken, disabled.email);
  await quiet(service);
  expect(subjects(disabled.email)).toEqual(['Your account at Gatehouse is closed']);
});

test('a change to the current address has no effect and sends no mail', async () => {
  const { accessToken, email } = await somebody(service);
  expect(await change(accessToken, email.toUpperCase())).toEqual(acknowledged);
  expect(await change(accessToken, email, 'not the password')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  await quiet(service);
  expect(service.mail.mails.filter(({ to }) => to === email)).toEqual([]);
  const { data } = await service.graphql('{ me { pendingEmail } }', {}, accessToken);
  expect(data.me.pendingEmail).toBeNull();
});

test('of parallel confirmations of one address by three users one succeeds, and the others get INVALID_CODE', async () => {
  for (let round = 0; round < 5; round += 1) {
    const users = await Promise.all(Array.from({ length: 3 }, () => somebody(service)));
    const newEmail = newAddress();
    for (const { accessToken } of users) await change(accessToken, newEmail);
    const mails = await service.mail.waitFor(newEmail, 3);
    const responses = await Promise.all(mails.map((mail) => confirm(factOf(mail, 'Code'))));
    expect(responses.filter(({ __typename }) => __typename === 'Acknowledgement')).toHaveLength(1);
    expect(responses.filter(({ code }) => code === 'INVALID_CODE')).toHaveLength(2);
  }
});

test('a pending registration does not block an address that another user verifies', async () => {
  const newEmail = newAddress();
  const squatter = await register(service, {
    email: newEmail,
    password: 'the squatter chose this',
  });
  const { accessToken, userId } = await somebody(service);
  await change(accessToken, newEmail);
  expect(await confirm(await codeTo(newEmail, 2))).toEqual(acknowledged);
  expect(await emailOf(userId)).toBe(newEmail);
  expect(await verify(service, squatter.code)).toMatchObject(rejected);
});

test('a verification code confirms no change of address, and a code of a change verifies no registration', async () => {
  const pending = await register(service);
  expect(await confirm(pending.code)).toEqual(rejected);
  const { accessToken } = await somebody(service);
  const newEmail = newAddress();
  await change(accessToken, newEmail);
  expect(await verify(service, await codeTo(newEmail))).toMatchObject(rejected);
});
