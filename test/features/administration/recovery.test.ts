/** Account recovery by administrators: reset mails, revoked sessions and unverified addresses. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeUser,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import { goodPassword, newAddress, somebody, tryLogin, verify } from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { isIn, refresh } from '../../support/session-calls.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
let sam: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  sam = await staff(service, ['users.change_user', 'users.add_user']);
});
afterAll(() => service.close());

const {
  createUser,
  updateUser,
  deactivateUser,
  sendPasswordReset,
  revokeUserSessions,
  resetPassword,
} = administrationOf(() => service);

async function isVerified(id: string): Promise<boolean> {
  const { data } = await service.graphql(
    'query ($id: ID!) { user(id: $id) { isEmailVerified } }',
    { id },
    root.accessToken,
  );
  return data.user.isEmailVerified;
}

describe('sendPasswordReset', () => {
  test('mails a link to the address of the account, which sets a password once', async () => {
    const { userId, email } = await somebody(service);
    expect((await sendPasswordReset(sam, userId)).outcome).toBe('done');
    const [mail] = await service.mail.waitFor(email);
    const link = { uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
    const password = 'an entirely new passphrase';
    expect((await resetPassword(sam, { ...link, password })).outcome).toBe('done');
    expect(await tryLogin(service, email, password)).toMatchObject({ __typename: 'TokenPair' });
    expect((await resetPassword(sam, { ...link, password })).outcome).toBe('INVALID_TOKEN');
  });

  test('the last of several links works', async () => {
    const { userId, email } = await somebody(service);
    for (let sent = 0; sent < 2; sent += 1) {
      await sendPasswordReset(sam, userId);
      await service.mail.waitFor(email, sent + 1);
    }
    const [first, last] = await service.mail.waitFor(email, 2);
    const choose = (mail: typeof first) =>
      resetPassword(sam, {
        uid: factOf(mail, 'Uid'),
        token: factOf(mail, 'Token'),
        password: 'an entirely new passphrase',
      });
    expect((await choose(first)).outcome).toBe('INVALID_TOKEN');
    expect((await choose(last)).outcome).toBe('done');
  });

  test('is rejected for accounts that are not active, with a remedy', async () => {
    const { id } = await createUser(root, {});
    const disabled = await makeUser(service);
    await deactivateUser(root, disabled);
    for (const [userId, remedy] of [
      [id, /resendInvitation/],
      [disabled, /enable/],
    ] as const) {
      const { status, body } = await service.rest(
        'POST',
        `/admin/users/${userId}/password_reset/`,
        {
          token: root.accessToken,
        },
      );
      expect(status).toBe(400);
      expect(body.data.fields).toEqual([{ path: 'id', message: expect.stringMatching(remedy) }]);
    }
    expect((await sendPasswordReset(root, 'unknown')).outcome).toBe('NOT_FOUND');
  });
});

describe('revokeUserSessions', () => {
  test('ends every session at once, on every replica, and appends to the audit log', async () => {
    await using replica = await startService({ database: service.database, mail: service.mail });
    const target = await somebody(service);
    const other = await tryLogin(replica, target.email);
    expect(await isIn(replica, other.accessToken)).toBe(true);
    expect((await revokeUserSessions(sam, target.userId)).outcome).toBe('done');
    for (const { accessToken, refreshToken } of [target, other]) {
      expect(await isIn(service, accessToken)).toBe(false);
      expect(await refresh(service, refreshToken)).toBeUndefined();
    }
    await replica.app.changeFeed.waitUntilDelivered();
    expect(await isIn(replica, other.accessToken)).toBe(false);
    expect(await tryLogin(service, target.email)).toMatchObject({ __typename: 'TokenPair' });
    const { data } = await service.graphql(
      'query ($id: ID!) { auditEntries(filter: {targetId: $id, action: "sessions-ended"}) { nodes { actorId } } }',
      { id: target.userId },
      root.accessToken,
    );
    expect(data.auditEntries.nodes).toEqual([{ actorId: sam.userId }]);
  });
});

test('G03: staff send no reset to a superuser and end none of their sessions', async () => {
  const chief = await superuser(service);
  await setPermissions(service, sam.userId, ['*']);
  expect((await sendPasswordReset(sam, chief.userId)).outcome).toBe('FORBIDDEN');
  expect((await revokeUserSessions(sam, chief.userId)).outcome).toBe('FORBIDDEN');
  for (const name of ['password_reset', 'revoke_sessions']) {
    const path = `/admin/users/${chief.userId}/${name}/`;
    expect((await service.rest('POST', path, { token: sam.accessToken })).status).toBe(403);
  }
  expect(await isIn(service, chief.accessToken)).toBe(true);
  await setPermissions(service, sam.userId, ['users.change_user', 'users.add_user']);
});

describe('J05: the address of another user', () => {
  test('is changed by staff only for a PENDING account all of whose rights they hold', async () => {
    const created = await createUser(root, { password: goodPassword });
    await setPermissions(service, created.id, ['shop.pack']);
    const email = newAddress();
    expect((await updateUser(sam, created.id, { email })).outcome).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, ['users.change_user', 'shop.pack']);
    expect((await updateUser(sam, created.id, { email })).outcome).toBe('done');
    const [mail] = await service.mail.waitFor(email);
    expect((await verify(service, factOf(mail, 'Code'))).__typename).toBe('Acknowledgement');
    expect((await updateUser(sam, created.id, { email: newAddress() })).outcome).toBe('FORBIDDEN');
    const invited = await createUser(root, { isStaff: true });
    const temporaryStaff = await staff(service, ['users.change_group']);
    expect((await updateUser(temporaryStaff, invited.id, { email: newAddress() })).outcome).toBe(
      'FORBIDDEN',
    );
  });
});

describe('an address that an administrator sets', () => {
  test('is unverified until its code is used, and the account works before that', async () => {
    const { userId } = await somebody(service);
    expect(await isVerified(userId)).toBe(true);
    const email = newAddress();
    await updateUser(root, userId, { email });
    expect(await isVerified(userId)).toBe(false);
    expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
    const [mail] = await service.mail.waitFor(email);
    const code = factOf(mail, 'Code');
    expect((await verify(service, code)).__typename).toBe('Acknowledgement');
    expect(await isVerified(userId)).toBe(true);
    expect((await verify(service, code)).code).toBe('INVALID_CODE');
  });

  test('is verified by a reset link sent to it, and the code is rejected then', async () => {
    const { userId } = await somebody(service);
    const email = newAddress();
    await updateUser(root, userId, { email });
    const [first] = await service.mail.waitFor(email);
    await sendPasswordReset(root, userId);
    const mail = (await service.mail.waitFor(email, 2)).at(-1);
    await resetPassword(root, {
      uid: factOf(mail, 'Uid'),
      token: factOf(mail, 'Token'),
      password: 'an entirely new passphrase',
    });
    expect(await isVerified(userId)).toBe(true);
    expect((await verify(service, factOf(first, 'Code'))).code).toBe('INVALID_CODE');
  });

  test('C07: its code activates no account that was disabled later', async () => {
    const { userId } = await somebody(service);
    const email = newAddress();
    await updateUser(root, userId, { email });
    const [mail] = await service.mail.waitFor(email);
    await deactivateUser(root, userId);
    expect((await verify(service, factOf(mail, 'Code'))).code).toBe('INVALID_CODE');
    expect((await rowOf(service, userId))?.status).toBe('DISABLED');
    await updateUser(root, userId, { isActive: true });
    expect((await verify(service, factOf(mail, 'Code'))).code).toBe('INVALID_CODE');
    expect(await isVerified(userId)).toBe(false);
  });

  test('C08: an account that is created active is not verified and has no code', async () => {
    const email = newAddress();
    const { id } = await createUser(root, { email, password: goodPassword, isActive: true });
    await quiet(service);
    expect(service.mail.mails.filter(({ to }) => to === email)).toEqual([]);
    expect(await isVerified(id)).toBe(false);
    const { accessToken } = await tryLogin(service, email);
    const view = await service.rest('GET', '/profile/view/', { token: accessToken });
    expect(view.body.data).toMatchObject({ is_email_verified: false, is_active: true });
  });
});
