/**
 * Unconfirmed accounts that an administrator or operator created: registrations of strangers do not
 * change them, and their owner can always request another mail.
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
  const response = await service.rest('POST', '/register/', {
    json: { email, first_name: 'Mallory', last_name: 'M', password: strangersPassword },
  });
  expect(response.status).toBe(201);
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

/** Makes the codes of an account older, so that the mail cooldown is over. */
const ageCodes = (userId: string, seconds: number) =>
  service.database.query(
    `update one_time_passwords set created_at = created_at - $2 * interval '1 second' where user_id = $1`,
    [userId, seconds],
  );

describe('J06: a registration does not change an account that an administrator created', () => {
  test.each([
    ['the invitation', 0],
    ['the mail that the registration caused', 1],
  ])(
    'a registration by a stranger after the invitation has no effect when the owner uses %s',
    async (_what, at) => {
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
    },
  );

  test('an invitation invalidates the code of an earlier registration by a stranger', async () => {
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

  test('the password that an administrator set stays valid after a registration by a stranger', async () => {
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

describe('another mail for an unconfirmed account', () => {
  test.each([
    ['a resend request', resend],
    ['a reset request', requestReset],
  ])('%s sends a new invitation, also when the first one has expired', async (_what, send) => {
    const { email, id } = await invite();
    await service.database.query(
      `update one_time_passwords set expires_at = now() - interval '1 second', created_at = now() - interval '2 days' where user_id = $1`,
      [id],
    );
    await send(email);
    const [expired, fresh] = invitationsOf(email);
    expect((await accept(expired)).outcome).toBe('INVALID_TOKEN');
    expect((await accept(fresh)).outcome).toBe('done');
    expect(await tryLogin(service, email, ownersPassword)).toMatchObject(loggedIn);
  });

  test('a resend request by a stranger leaves the earlier invitations valid', async () => {
    const { email } = await invite();
    await resend(email);
    const [first, second] = invitationsOf(email);
    expect(second).toBeDefined();
    expect((await accept(first)).outcome).toBe('done');
  });

  test('anonymous requests send at most one invitation a minute and three an hour', async () => {
    const { email, id } = await invite();
    for (const send of [resend, requestReset, registerAsStranger]) await send(email);
    expect(invitationsOf(email)).toHaveLength(2);
    for (let round = 0; round < 4; round += 1) {
      await ageCodes(id, 61);
      await resend(email);
    }
    expect(invitationsOf(email)).toHaveLength(3);
  });

  test.each([
    ['a resend request', resend],
    ['a reset request', requestReset],
  ])('%s sends a new code for an account with a password', async (_what, send) => {
    const { email } = await pendingAccount(service);
    await send(email);
    const codes = mailsTo(email).map((mail) => factOf(mail, 'Code'));
    expect(codes).toHaveLength(2);
    expect(await tryLogin(service, email)).toMatchObject({ code: 'ACCOUNT_NOT_ACTIVE' });
    expect(await verify(service, codes[1] ?? '')).toMatchObject({ __typename: 'Acknowledgement' });
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
  });
});

describe('is_active=false on an unconfirmed account', () => {
  test('disables it, and its code becomes invalid', async () => {
    const { email, code, userId } = await pendingAccount(service);
    const response = await service.rest('PATCH', `/admin/users/${userId}/`, {
      token: root.accessToken,
      json: { is_active: false },
    });
    expect(response.status).toBe(200);
    expect(await rowOf(service, userId)).toMatchObject({ status: 'DISABLED' });
    expect(await verify(service, code)).toEqual(invalidCode);
    expect(await tryLogin(service, email, goodPassword)).toMatchObject(invalidCredentials);
  });

  test('disables an invited account, and its invitation becomes invalid', async () => {
    const { email, id } = await invite();
    expect((await updateUser(root, id, { isActive: false })).outcome).toBe('done');
    expect((await accept(invitationsOf(email)[0])).outcome).toBe('INVALID_TOKEN');
    await updateUser(root, id, { isActive: true });
    expect((await accept(invitationsOf(email)[0])).outcome).toBe('INVALID_TOKEN');
  });
});
