/** Effects of administration on the account: ended sessions, mails, invitations and unique names. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  newName,
  permissionId,
  superuser,
} from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import { goodPassword, newAddress, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh } from '../../support/session-calls.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const {
  createUser,
  updateUser,
  deactivateUser,
  createGroup,
  updateGroup,
  createPermission,
  updatePermission,
  resetPassword,
} = administrationOf(() => service);

const row = (id: string) => rowOf(service, id);

describe('the end of sessions', () => {
  const ways: readonly (readonly [string, (id: string) => Promise<{ outcome: string }>])[] = [
    ['setting a password', (id) => updateUser(root, id, { password: 'an entirely new one' })],
    ['setting an address', (id) => updateUser(root, id, { email: newAddress() })],
    ['disabling', (id) => updateUser(root, id, { isActive: false })],
    ['deactivateUser', (id) => deactivateUser(root, id)],
  ];

  test.each(ways)('%s ends every session of the user and sends a mail', async (_what, act) => {
    const target = await somebody(service);
    const other = await tryLogin(service, target.email);
    const before = service.mail.mails.filter(({ to }) => to === target.email).length;
    expect((await act(target.userId)).outcome).toBe('done');
    for (const { accessToken, refreshToken } of [target, other]) {
      expect(await isIn(service, accessToken)).toBe(false);
      expect(await refresh(service, refreshToken)).toBeUndefined();
    }
    await service.mail.waitFor(target.email, before + 1);
    await updateUser(root, target.userId, { isActive: true });
    expect(await isIn(service, target.accessToken)).toBe(false);
    expect(await refresh(service, other.refreshToken)).toBeUndefined();
  });

  test('an enabled account can log in again', async () => {
    const { email, userId } = await somebody(service);
    await deactivateUser(root, userId);
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await updateUser(root, userId, { isActive: true });
    expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
  });

  test('other changes end no session', async () => {
    const { userId, accessToken } = await somebody(service);
    const id = await makeGroup(service);
    await updateUser(root, userId, { firstName: 'Jean', groupIds: [id], isStaff: true });
    expect(await isIn(service, accessToken)).toBe(true);
  });

  test('a password that an administrator sets must follow the password policy, and logs in', async () => {
    const { email, userId } = await somebody(service);
    expect(await updateUser(root, userId, { password: 'short' })).toMatchObject({
      outcome: 'VALIDATION_FAILED',
      fields: [{ path: 'password' }],
    });
    expect(await updateUser(root, userId, { password: email })).toMatchObject({
      outcome: 'VALIDATION_FAILED',
      fields: [{ path: 'password' }],
    });
    await updateUser(root, userId, { password: 'an entirely new one' });
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(await tryLogin(service, email, 'an entirely new one')).toMatchObject({
      __typename: 'TokenPair',
    });
  });
});

describe('invitations', () => {
  const choose = (uid: string, token: string, password: string) =>
    resetPassword(root, { uid, token, password });

  async function invite(input: object = {}) {
    const email = newAddress();
    const { id, outcome } = await createUser(root, { email, firstName: 'Grace', ...input });
    expect(outcome).toBe('done');
    const [mail] = await service.mail.waitFor(email);
    return { email, id, uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
  }

  test('a user without a password gets a link that sets one and activates the account, once', async () => {
    const { email, id, uid, token } = await invite();
    expect((await row(id))?.status).toBe('PENDING');
    expect((await choose(uid, token, 'my very own passphrase')).outcome).toBe('done');
    expect((await row(id))?.status).toBe('ACTIVE');
    expect(await tryLogin(service, email, 'my very own passphrase')).toMatchObject({
      __typename: 'TokenPair',
    });
    expect((await choose(uid, token, 'another passphrase')).outcome).toBe('INVALID_TOKEN');
  });

  test('a link of a disabled account is rejected', async () => {
    const { id, uid, token } = await invite();
    await deactivateUser(root, id);
    expect((await choose(uid, token, 'my very own passphrase')).outcome).toBe('INVALID_TOKEN');
    expect((await row(id))?.status).toBe('DISABLED');
  });

  test('a link activates no account that was disabled in the database', async () => {
    const { id, uid, token } = await invite();
    await service.database.query("update users set status = 'DISABLED' where id = $1", [id]);
    expect((await choose(uid, token, 'my very own passphrase')).outcome).toBe('INVALID_TOKEN');
    expect(await row(id)).toMatchObject({ status: 'DISABLED', password_hash: null });
  });

  test('a new address gets a new invitation, and the old link is rejected', async () => {
    const { id, uid, token } = await invite();
    const email = newAddress();
    await updateUser(root, id, { email });
    expect((await choose(uid, token, 'my very own passphrase')).outcome).toBe('INVALID_TOKEN');
    const [mail] = await service.mail.waitFor(email);
    const link = [factOf(mail, 'Uid'), factOf(mail, 'Token')] as const;
    expect((await choose(...link, 'my very own passphrase')).outcome).toBe('done');
    expect(await tryLogin(service, email, 'my very own passphrase')).toMatchObject({
      __typename: 'TokenPair',
    });
  });

  test('a user with a password verifies the address, unless the account is created active', async () => {
    const email = newAddress();
    await createUser(root, { email, password: goodPassword });
    const [mail] = await service.mail.waitFor(email);
    expect(factOf(mail, 'Code')).toMatch(/^[\w-]{22}$/);
    expect(await tryLogin(service, email)).toMatchObject({ code: 'ACCOUNT_NOT_ACTIVE' });
    const ready = newAddress();
    await createUser(root, { email: ready, password: goodPassword, isActive: true });
    expect(await tryLogin(service, ready)).toMatchObject({ __typename: 'TokenPair' });
  });

  test('a new address of a PENDING account gets a verification code', async () => {
    const id = (await createUser(root, { password: goodPassword })).id;
    const email = newAddress();
    await updateUser(root, id, { email });
    const [mail] = await service.mail.waitFor(email);
    const response = await service.rest('GET', `/register/verify?code=${factOf(mail, 'Code')}`);
    expect(response.status).toBe(200);
    expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
  });
});

describe('unique names', () => {
  const sixteen = <Answer>(act: () => Promise<Answer>) =>
    Promise.all(Array.from({ length: 16 }, act));
  const outcomes = (all: readonly { outcome: string }[]) => {
    const sorted = all.map(({ outcome }) => outcome).sort();
    return [sorted.filter((it) => it === 'done').length, ...new Set(sorted)];
  };
  const once = [1, 'ALREADY_EXISTS', 'done'];

  test('of 16 parallel creations of the same user, group or permission one succeeds', async () => {
    const [email, username, name, codename] = [newAddress(), newName(), newName(), newName()];
    expect(outcomes(await sixteen(() => createUser(root, { email })))).toEqual(once);
    expect(outcomes(await sixteen(() => createUser(root, { username })))).toEqual(once);
    expect(outcomes(await sixteen(() => createGroup(root, { name })))).toEqual(once);
    const permission = { codename, name };
    expect(outcomes(await sixteen(() => createPermission(root, permission)))).toEqual(once);
  });

  test('of 16 parallel changes to the same name one succeeds', async () => {
    const [email, username, name, codename] = [newAddress(), newName(), newName(), newName()];
    const user = () => makeUser(service);
    const change = (input: object) => async () => updateUser(root, await user(), input);
    expect(outcomes(await sixteen(change({ email })))).toEqual(once);
    expect(outcomes(await sixteen(change({ username })))).toEqual(once);
    const rename = async () => updateGroup(root, await makeGroup(service), { name });
    expect(outcomes(await sixteen(rename))).toEqual(once);
    const recode = async () =>
      updatePermission(root, await permissionId(service, newName()), { codename });
    expect(outcomes(await sixteen(recode))).toEqual(once);
  });

  test('a parallel swap of two addresses is rejected without an internal error', async () => {
    for (let round = 0; round < 8; round += 1) {
      const [one, other] = [await somebody(service), await somebody(service)];
      const responses = await Promise.all([
        updateUser(root, one.userId, { email: other.email }),
        updateUser(root, other.userId, { email: one.email }),
      ]);
      expect(responses.map(({ outcome }) => outcome)).toEqual(['ALREADY_EXISTS', 'ALREADY_EXISTS']);
    }
  });

  test('the error names every field that is taken', async () => {
    const taken = { email: newAddress(), username: newName() };
    await createUser(root, taken);
    const upper = { email: taken.email.toUpperCase(), username: taken.username.toUpperCase() };
    expect(await createUser(root, upper)).toMatchObject({
      outcome: 'ALREADY_EXISTS',
      fields: [{ path: 'email' }, { path: 'username' }],
    });
  });

  test('an update may repeat the own name', async () => {
    const username = newName();
    const { id } = await createUser(root, { username });
    expect((await updateUser(root, id, { username: username.toUpperCase() })).outcome).toBe('done');
    expect((await row(id))?.username).toBe(username.toUpperCase());
    const name = newName();
    const group = await createGroup(root, { name });
    expect((await updateGroup(root, group.id, { name })).outcome).toBe('done');
  });
});
