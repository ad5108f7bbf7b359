/**
 * Accounts that an administrator or operator created and whose owner has not confirmed them: strangers
 * have no influence on them, and their owner always gets another mail.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { type Administrator, makeGroup, superuser } from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  pendingAccount,
  register,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { grantedTo, rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const { createUser, updateUser, resetPassword } = administrationOf(() => service);

const strangersPassword = 'the stranger chose this';
const ownersPassword = 'the owner chose this';
const invalidCode = { __typename: 'Problem', code: 'INVALID_CODE' };
const invalidCredentials = { code: 'INVALID_CREDENTIALS' };
const loggedIn = { __typename: 'TokenPair' };

const mailsTo = (email: string) => service.mail.mails.filter(({ to }) => to === email);

async function registerAsStranger(email: string) {
  const answer = await service.rest('POST', '/register/', {
    json: { email, first_name: 'Mallory', last_name: 'M', password: strangersPassword },
  });
  expect(answer.status).toBe(201);
  await quiet(service);
}

async function post(path: string, email: string) {
  expect((await service.rest('POST', path, { json: { email } })).status).toBe(200);
  await quiet(service);
}

const resend = (email: string) => post('/register/resend_email_verify/', email);
const requestReset = (email: string) => post('/password/request_change/', email);

async function invite() {
  const email = newAddress();
  const groupIds = [await makeGroup(service, ['users.view_user'])];
  const input = { email, firstName: 'Grace', lastName: 'Hopper', isStaff: true, groupIds };
  const { outcome, id } = await createUser(root, input);
  expect(outcome).toBe('done');
  await quiet(service);
  return { email, id };
}

/** Invitations that were mailed to an address, oldest first. */
const invitationsOf = (email: string) =>
  mailsTo(email)
    .filter(({ text }) => /^Token: /m.test(text))
    .map((mail) => ({ uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') }));

const accept = (invitation: object | undefined, password = ownersPassword) =>
  resetPassword(root, { ...invitation, password });

/** Lets the next mail to the account go out at once, as minutes or an hour later. */
const ageCodes = (userId: string, seconds: number) =>
  service.database.query(
    `update one_time_passwords set created_at = created_at - $2 * interval '1 second' where user_id = $1`,
    [userId, seconds],
  );

describe('J06: an account of an administrator takes nothing from a registration', () => {
  test.each([
    ['the invitation', 0],
    ['the mail that the registration caused', 1],
  ])('invited, then registered by a stranger, and the owner uses %s', async (_what, at) => {
    const { email, id } = await invite();
    const before = await rowOf(service, id);
    const granted = await grantedTo(service, id);
    await registerAsStranger(email);
    expect(await rowOf(service, id)).toEqual(before);
    const invitations = invitationsOf(email);
    expect(invitations).toHaveLength(2);
    expect(mailsTo(email).some(({ text }) => /^Code: /m.test(text))).toBe(false);
    expect((await accept(invitations[at])).outcome).toBe('done');
    expect(await tryLogin(service, email, strangersPassword)).toMatchObject(invalidCredentials);
    expect(await tryLogin(service, email, ownersPassword)).toMatchObject(loggedIn);
    expect(await rowOf(service, id)).toMatchObject({ first_name: 'Grace', is_staff: true });
    expect(await grantedTo(service, id)).toEqual(granted);
  });

  test('registered by a stranger, then invited, and the owner presses the button of the stranger', async () => {
    const { email, code } = await register(service, { password: strangersPassword });
    const { id, outcome } = await createUser(root, { email, firstName: 'Grace', isStaff: true });
    expect(outcome).toBe('done');
    const before = await rowOf(service, id);
    expect(await verify(service, code)).toEqual(invalidCode);
    expect(await rowOf(service, id)).toEqual(before);
    expect(await tryLogin(service, email, strangersPassword)).toMatchObject(invalidCredentials);
    await service.mail.waitFor(email, 2);
    expect((await accept(invitationsOf(email)[0])).outcome).toBe('done');
    expect(await tryLogin(service, email, ownersPassword)).toMatchObject(loggedIn);
  });

  test('the password that an administrator set stays, whichever code the owner uses', async () => {
    const { email, code, userId } = await pendingAccount(service);
    await ageCodes(userId, 61);
    await registerAsStranger(email);
    const codes = mailsTo(email).map((mail) => factOf(mail, 'Code'));
    expect(codes).toHaveLength(2);
    expect(codes[0]).toBe(code);
    expect(await verify(service, code)).toMatchObject({ __typename: 'Acknowledgement' });
    expect(await tryLogin(service, email, strangersPassword)).toMatchObject(invalidCredentials);
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
    expect(await rowOf(service, userId)).toMatchObject({ first_name: 'Grace' });
    expect(await verify(service, codes[1] ?? '')).toEqual(invalidCode);
  });
});

describe('no dead end', () => {
  test.each([
    ['send again', resend],
    ['a reset', requestReset],
  ])('%s mails a new invitation, also when the first one has expired', async (_what, ask) => {
    const { email, id } = await invite();
    await service.database.query(
      `update one_time_passwords set expires_at = now() - interval '1 second', created_at = now() - interval '2 days' where user_id = $1`,
      [id],
    );
    await ask(email);
    const [expired, fresh] = invitationsOf(email);
    expect((await accept(expired)).outcome).toBe('INVALID_TOKEN');
    expect((await accept(fresh)).outcome).toBe('done');
    expect(await tryLogin(service, email, ownersPassword)).toMatchObject(loggedIn);
  });

  test('an invitation that a stranger has sent again leaves the earlier ones valid', async () => {
    const { email } = await invite();
    await resend(email);
    const [first, second] = invitationsOf(email);
    expect(second).toBeDefined();
    expect((await accept(first)).outcome).toBe('done');
  });

  test('anonymous requests cause one invitation a minute and three an hour', async () => {
    const { email, id } = await invite();
    for (const ask of [resend, requestReset, registerAsStranger]) await ask(email);
    expect(invitationsOf(email)).toHaveLength(2);
    for (let round = 0; round < 4; round += 1) {
      await ageCodes(id, 61);
      await resend(email);
    }
    expect(invitationsOf(email)).toHaveLength(3);
  });

  test.each([
    ['send again', resend],
    ['a reset', requestReset],
  ])('%s mails the code of an account with a password again', async (_what, ask) => {
    const { email } = await pendingAccount(service);
    await ask(email);
    const codes = mailsTo(email).map((mail) => factOf(mail, 'Code'));
    expect(codes).toHaveLength(2);
    expect(await tryLogin(service, email)).toMatchObject({ code: 'ACCOUNT_NOT_ACTIVE' });
    expect(await verify(service, codes[1] ?? '')).toMatchObject({ __typename: 'Acknowledgement' });
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
  });
});

describe('is_active=false on an account that is not confirmed', () => {
  test('disables it, and its code does not undo that', async () => {
    const { email, code, userId } = await pendingAccount(service);
    const answer = await service.rest('PATCH', `/admin/users/${userId}/`, {
      token: root.accessToken,
      json: { is_active: false },
    });
    expect(answer.status).toBe(200);
    expect(await rowOf(service, userId)).toMatchObject({ status: 'DISABLED' });
    expect(await verify(service, code)).toEqual(invalidCode);
    expect(await tryLogin(service, email, goodPassword)).toMatchObject(invalidCredentials);
  });

  test('disables an invited one, and its invitation does not undo that', async () => {
    const { email, id } = await invite();
    expect((await updateUser(root, id, { isActive: false })).outcome).toBe('done');
    expect((await accept(invitationsOf(email)[0])).outcome).toBe('INVALID_TOKEN');
    await updateUser(root, id, { isActive: true });
    expect((await accept(invitationsOf(email)[0])).outcome).toBe('INVALID_TOKEN');
  });
});
