/** Names: a missing last name, removed usernames, and pending addresses that another account gets. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  register,
  somebody,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const updateProfile = `mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) { ... on User { username lastName fullName } ... on Problem { code fields { path } } } }`;
const updateUser = `mutation ($id: ID!, $input: UpdateUserInput!) {
  updateUser(id: $id, input: $input) { ... on User { username lastName } ... on Problem { code fields { path } } } }`;

test('a user with only one name can register, over GraphQL and REST', async () => {
  const { code } = await register(service, { firstName: 'Sukarno', lastName: '' });
  expect(await verify(service, code)).toMatchObject({ __typename: 'Acknowledgement' });
  const json = { email: newAddress(), first_name: 'Teller', last_name: '', password: goodPassword };
  expect((await service.rest('POST', '/register/', { json })).status).toBe(201);
  const nameless = { ...json, first_name: '' };
  expect((await service.rest('POST', '/register/', { json: nameless })).status).toBe(400);
});

test('the owner and an administrator can remove a username, and another user can take it', async () => {
  const username = `name-${Date.now()}`;
  const owner = await somebody(service, { username });
  const { data } = await service.graphql(
    updateProfile,
    { input: { username: '', lastName: '' } },
    owner.accessToken,
  );
  expect(data.updateProfile).toEqual({ username: null, lastName: '', fullName: 'Ada' });
  expect(await tryLogin(service, username)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  const next = await somebody(service);
  await service.graphql(updateProfile, { input: { username } }, next.accessToken);
  expect(await tryLogin(service, username)).toMatchObject({ __typename: 'TokenPair' });
  const removed = await service.rest('PATCH', `/admin/users/${next.userId}/`, {
    json: { username: '' },
    token: root.accessToken,
  });
  expect(removed.body.data.username).toBeNull();
  const kept = await service.graphql(
    updateUser,
    { id: owner.userId, input: { firstName: 'Ada', username: null } },
    root.accessToken,
  );
  expect(kept.data.updateUser).toEqual({ username: null, lastName: '' });
});

const changeEmail = `mutation ($input: ChangeEmailInput!) {
  changeEmail(input: $input) { __typename ... on Problem { code } } }`;
const pendingOf = async (accessToken: string) =>
  (await service.graphql('{ me { pendingEmail } }', {}, accessToken)).data.me.pendingEmail;

test('a pending address is removed when another account gets it', async () => {
  const newEmail = newAddress();
  const [one, other] = [await somebody(service), await somebody(service)];
  for (const { accessToken } of [one, other]) {
    const input = { newEmail, password: goodPassword };
    await service.graphql(changeEmail, { input }, accessToken);
    expect(await pendingOf(accessToken)).toBe(newEmail);
  }
  const mails = await service.mail.waitFor(newEmail, 2);
  const [code, otherCode] = mails.map((mail) => factOf(mail, 'Code'));
  const confirm = (text: string | undefined) =>
    service.graphql(
      'mutation ($code: String!) { confirmEmailChange(code: $code) { __typename ... on Problem { code } } }',
      { code: text },
    );
  const confirmed = await confirm(code);
  expect(confirmed.data.confirmEmailChange).toEqual({ __typename: 'Acknowledgement' });
  await until(async () => {
    const pending = [await pendingOf(one.accessToken), await pendingOf(other.accessToken)];
    return pending.every((email) => email === null);
  });
  expect((await confirm(otherCode)).data.confirmEmailChange.code).toBe('INVALID_CODE');
});

test('a pending address is removed when an administrator creates an account with it', async () => {
  const newEmail = newAddress();
  const { accessToken } = await somebody(service);
  await service.graphql(changeEmail, { input: { newEmail, password: goodPassword } }, accessToken);
  const created = await service.rest('POST', '/admin/users/', {
    json: { email: newEmail },
    token: root.accessToken,
  });
  expect(created.status).toBe(201);
  await until(async () => (await pendingOf(accessToken)) === null);
});
