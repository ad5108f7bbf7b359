/** The rules of a new password at every operation, and exact verification. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, superuser } from '../support/administrators.ts';
import { environmentOf, spawnCommand } from '../support/command.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, somebody, tryLogin, verify } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  root = await superuser(service);
});
afterAll(() => service.close());

const registerRest = (email: string, password: string) =>
  service.rest('POST', '/register/', {
    json: { email, password, first_name: 'Ada', last_name: 'Lovelace' },
  });

const mutate = (operation: string, type: string, input: object, token?: string) =>
  service.graphql(
    `mutation ($input: ${type}!) {
      result: ${operation}(input: $input) { __typename ... on Problem { code fields { path } } }
    }`,
    { input },
    token,
  );

const registerGraphql = (email: string, password: string) =>
  mutate('register', 'RegisterInput', { email, password, firstName: 'Ada', lastName: 'Lovelace' });

/** Registers over REST and confirms the mailed code. */
async function makeAccount(password: string): Promise<string> {
  const email = newAddress();
  expect((await registerRest(email, password)).status).toBe(201);
  const [mail] = await service.mail.waitFor(email);
  expect((await verify(service, factOf(mail, 'Code'))).__typename).toBe('Acknowledgement');
  return email;
}

/** Whether the password logs in, by REST and by GraphQL. */
async function logsIn(email: string, password: string): Promise<readonly boolean[]> {
  const rest = await service.rest('POST', '/login/', { json: { email, password } });
  const graphql = await tryLogin(service, email, password);
  expect([200, 401]).toContain(rest.status);
  return [rest.status === 200, graphql.__typename === 'TokenPair'];
}

const phrase = 'seven words of rain upon the roof ';

test.each([
  ['64 characters', phrase.repeat(3).slice(0, 64)],
  ['128 characters', phrase.repeat(5).slice(0, 128)],
  ['200 characters', phrase.repeat(7).slice(0, 200)],
  ['64 characters of four bytes', '🦊🐢🐝🐙🦀🐳🦉🐌'.repeat(8)],
])('A02: a password of %s is accepted and logs in', async (_, password) => {
  const email = await makeAccount(password);
  expect(await logsIn(email, password)).toEqual([true, true]);
});

const long = phrase.repeat(3).slice(0, 72);

test.each([
  ['after 72 bytes', `${long}B`, `${long}C`],
  ['after a NUL', 'before it\u0000after it', 'before it\u0000other'],
  ['by everything after a NUL', 'before it\u0000after it', 'before it'],
  ['by spaces around it', ' Pass word9 ', 'Pass word9'],
  ['by case', 'Seven words of rain', 'seven words of rain'],
])('A03: a password that differs %s is rejected', async (_, password, other) => {
  const { email } = await somebody(service, { password });
  expect(await logsIn(email, other)).toEqual([false, false]);
  expect(await logsIn(email, password)).toEqual([true, true]);
});

test.each(['only lowercase letters', '片仮名漢字平仮名五六', '7302 9154 8826', '?!…;:,._—§$%'])(
  'A04: %j needs no other kind of character',
  async (password) => {
    const email = await makeAccount(password);
    expect(await logsIn(email, password)).toEqual([true, true]);
    const { data } = await registerGraphql(newAddress(), password);
    expect(data.result).toEqual({ __typename: 'Acknowledgement' });
  },
);

describe('A05: a common password', () => {
  const common = ['password1', 'newpassword', 'Passw0rd1'];

  async function resetLink(email: string) {
    await service.rest('POST', '/password/request_change/', { json: { email } });
    const mail = (await service.mail.waitFor(email)).at(-1);
    return { uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
  }

  test.each(common)('%s is rejected by every GraphQL operation that sets one', async (password) => {
    const { email, accessToken, userId } = await somebody(service);
    const link = await resetLink(email);
    const update = await service.graphql(
      `mutation ($id: ID!, $input: UpdateUserInput!) {
        result: updateUser(id: $id, input: $input) { ... on Problem { __typename code fields { path } } }
      }`,
      { id: userId, input: { password } },
      root.accessToken,
    );
    const change = { currentPassword: goodPassword, newPassword: password };
    const responses = [
      await registerGraphql(newAddress(), password),
      await mutate('resetPassword', 'ResetPasswordInput', { ...link, password }),
      await mutate('changePassword', 'ChangePasswordInput', change, accessToken),
      await mutate(
        'createUser',
        'CreateUserInput',
        { email: newAddress(), password },
        root.accessToken,
      ),
      update,
    ];
    for (const { data } of responses) {
      expect(data.result).toEqual({
        __typename: 'Problem',
        code: 'VALIDATION_FAILED',
        fields: [{ path: expect.stringMatching(/^(password|newPassword)$/) }],
      });
    }
    expect(await logsIn(email, goodPassword)).toEqual([true, true]);
  });

  test.each(common)('%s is rejected by every REST path that sets one', async (password) => {
    const { email, userId } = await somebody(service);
    const { uid, token } = await resetLink(email);
    const reset = { uidb64: uid, token, password, password2: password };
    const byRoot = { token: root.accessToken };
    const responses = [
      await registerRest(newAddress(), password),
      await service.rest('PUT', '/password/reset/', { json: reset }),
      await service.rest('POST', '/admin/users/', {
        ...byRoot,
        json: { email: newAddress(), password },
      }),
      await service.rest('PATCH', `/admin/users/${userId}/`, { ...byRoot, json: { password } }),
    ];
    for (const { status, body } of responses) {
      expect([status, body.data]).toEqual([
        400,
        { code: 'VALIDATION_FAILED', fields: [expect.objectContaining({ path: 'password' })] },
      ]);
    }
    expect(await logsIn(email, goodPassword)).toEqual([true, true]);
  });

  test('is rejected by every command that sets one, with the reason', async () => {
    const { email } = await somebody(service);
    const { secretKey: SECRET_KEY = '' } = service.app.config;
    const environment = { ...environmentOf(service.database, service.mail), SECRET_KEY };
    const create = (command: string) => [command, '--noinput', '--email', newAddress()];
    const commands = [
      ...['createuser', 'createstaffuser', 'createsuperuser'].map(create),
      ['users', 'set-password', email],
    ];
    const results = await Promise.all(
      commands.map((words) =>
        spawnCommand([...words, '--password-stdin'], { environment, input: 'newpassword\n' }),
      ),
    );
    for (const { code, stderr } of results) {
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/^VALIDATION_FAILED: .*\n {2}password: \w/),
      ]);
      expect(stderr).not.toContain('newpassword');
    }
  }, 60_000);
});

describe('A09: an oversized password', () => {
  /** The number of passwords that were hashed or verified. */
  async function hashesSoFar(): Promise<number> {
    const text = await (await fetch(`${service.address}/metrics`)).text();
    const counts = [...text.matchAll(/password_hash_\w+_seconds_count\{work="\w+"\} (\d+)/g)];
    expect(counts.length).toBeGreaterThan(0);
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  test('of a megabyte gets 413 on both interfaces', async () => {
    const password = 'x'.repeat(1_000_000);
    const rest = await service.rest('POST', '/login/', { json: { email: root.email, password } });
    const graphql = await mutate('login', 'LoginInput', { email: root.email, password });
    expect([rest.status, graphql.status]).toEqual([413, 413]);
  });

  test('of a smaller size is rejected before it is hashed', async () => {
    const password = 'x'.repeat(90_000);
    const before = await hashesSoFar();
    const logins = Array.from({ length: 20 }, () =>
      service.rest('POST', '/login/', { json: { email: root.email, password } }),
    );
    for (const { status } of await Promise.all(logins)) expect([400, 401]).toContain(status);
    const { data } = await mutate('login', 'LoginInput', { email: root.email, password });
    expect(['INVALID_CREDENTIALS', 'VALIDATION_FAILED']).toContain(data.result.code);
    expect((await registerRest(newAddress(), password)).status).toBe(400);
    expect((await registerGraphql(newAddress(), password)).data.result.code).toBe(
      'VALIDATION_FAILED',
    );
    expect(await hashesSoFar()).toBe(before);
  });
});
