/** The own address as a password: every operation that sets a password rejects it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { superuser } from '../../support/administrators.ts';
import { environmentOf, spawnCommand } from '../../support/command.ts';
import { factOf } from '../../support/mail-server.ts';
import { goodPassword, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterAll(() => service.close());

let addressCount = 0;
/** Short, as `al@e1.com`; the password is the address itself. */
function shortAddress(): string {
  addressCount += 1;
  return `al@e${addressCount}.com`;
}

const rejected = { code: 'VALIDATION_FAILED' };

test('A06: a registration rejects the address as the password', async () => {
  const email = shortAddress();
  for (const password of [email, email.toUpperCase(), `${email}!`, 'al al al al']) {
    const response = await service.rest('POST', '/register/', {
      json: { email, password, first_name: 'Ada', last_name: 'L' },
    });
    expect([response.status, response.body.data]).toEqual([
      400,
      { ...rejected, fields: [expect.objectContaining({ path: 'password' })] },
    ]);
  }
});

test('A06: a password change and a reset reject the address as the password', async () => {
  const email = shortAddress();
  const { accessToken } = await somebody(service, { email });
  const { data } = await service.graphql(
    `mutation ($input: ChangePasswordInput!) {
      changePassword(input: $input) { ... on Problem { code fields { path } } }
    }`,
    { input: { currentPassword: goodPassword, newPassword: email } },
    accessToken,
  );
  expect(data.changePassword).toEqual({ ...rejected, fields: [{ path: 'newPassword' }] });

  await service.graphql(`mutation { requestPasswordReset(email: "${email}") { __typename } }`);
  const mail = (await service.mail.waitFor(email)).at(-1);
  const reset = await service.graphql(
    `mutation ($input: ResetPasswordInput!) {
      resetPassword(input: $input) { ... on Problem { code fields { path } } }
    }`,
    { input: { uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token'), password: email } },
  );
  expect(reset.data.resetPassword).toEqual({ ...rejected, fields: [{ path: 'password' }] });
});

test('A06: administrators cannot set the address as the password of a new or an existing account', async () => {
  const root = await superuser(service);
  const email = shortAddress();
  const created = await service.graphql(
    `mutation ($input: CreateUserInput!) {
      createUser(input: $input) { ... on Problem { code fields { path } } }
    }`,
    { input: { email, password: email } },
    root.accessToken,
  );
  expect(created.data.createUser).toEqual({ ...rejected, fields: [{ path: 'password' }] });

  const other = shortAddress();
  const { userId } = await somebody(service, { email: other });
  const updated = await service.graphql(
    `mutation ($id: ID!, $input: UpdateUserInput!) {
      updateUser(id: $id, input: $input) { ... on Problem { code fields { path } } }
    }`,
    { id: userId, input: { password: other } },
    root.accessToken,
  );
  expect(updated.data.updateUser).toEqual({ ...rejected, fields: [{ path: 'password' }] });
});

test('A06: an address that the current password contains is rejected', async () => {
  const newEmail = shortAddress();
  const { accessToken, userId } = await somebody(service, { password: `${newEmail}!` });
  const input = { newEmail, password: `${newEmail}!` };
  const changed = await service.graphql(
    `mutation ($input: ChangeEmailInput!) {
      changeEmail(input: $input) { ... on Problem { code fields { path } } }
    }`,
    { input },
    accessToken,
  );
  expect(changed.data.changeEmail).toEqual({ ...rejected, fields: [{ path: 'newEmail' }] });
  const updated = await service.rest('PUT', '/profile/update/', {
    token: accessToken,
    json: { email: newEmail.toUpperCase(), password: `${newEmail}!` },
  });
  expect([updated.status, updated.body.data]).toEqual([
    400,
    { ...rejected, fields: [expect.objectContaining({ path: 'email' })] },
  ]);
  // The check uses the password of the account. A wrong password gets INVALID_CREDENTIALS only.
  const guess = await service.rest('PUT', '/profile/update/', {
    token: accessToken,
    json: { email: newEmail, password: newEmail },
  });
  expect(guess.body.data).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  const rows = await service.database.query(
    'select pending_email from users where id = $1 and pending_email is null',
    [userId],
  );
  expect(rows).toHaveLength(1);
});

test('A06: administrators cannot set an address together with the same password', async () => {
  const root = await superuser(service);
  const { userId } = await somebody(service);
  const email = shortAddress();
  const { data } = await service.graphql(
    `mutation ($id: ID!, $input: UpdateUserInput!) {
      updateUser(id: $id, input: $input) { ... on Problem { code fields { path } } }
    }`,
    { id: userId, input: { email, password: email } },
    root.accessToken,
  );
  expect(data.updateUser).toEqual({ ...rejected, fields: [{ path: 'password' }] });
});

test.each(['createuser', 'createstaffuser', 'createsuperuser'])(
  'A06: %s rejects the address as the password',
  async (command) => {
    const email = shortAddress();
    const { secretKey: SECRET_KEY = '' } = service.app.config;
    const environment = { ...environmentOf(service.database, service.mail), SECRET_KEY };
    const { code, stderr } = await spawnCommand(
      [command, '--noinput', '--password-stdin', '--email', email],
      { environment, input: `${email}\n` },
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining('more than your name')]);
  },
);
