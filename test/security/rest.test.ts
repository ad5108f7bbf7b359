/** Policies of accounts and administration over REST; their other tests use GraphQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Administrator,
  makeGroup,
  newName,
  permissionId,
  setPermissions,
  staff,
  superuser,
} from '../support/administrators.ts';
import { many } from '../support/attempts.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, register, somebody } from '../support/people.ts';
import { quiet, startService, type TestService } from '../support/service.ts';
import { isIn, refresh } from '../support/session-calls.ts';
import { grantedTo, rowOf } from '../support/user-rows.ts';

let service: TestService;
let sam: Administrator;
let root: Administrator;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  [sam, root] = [await staff(service), await superuser(service)];
});
afterAll(() => service.close());

const logIn = async (email: string, password: string) =>
  (await service.rest('POST', '/login/', { json: { email, password } })).status;

const patch = async (by: Administrator, userId: string, json: object) => {
  const response = await service.rest('PATCH', `/admin/users/${userId}/`, {
    token: by.accessToken,
    json,
  });
  return response.status;
};

test('C03: of 16 parallel confirmations over REST exactly one succeeds', async () => {
  const { code } = await register(service);
  const responses = await many(16, () => service.rest('GET', `/register/verify/?code=${code}`));
  const counts = responses.map(({ status }) => status).sort();
  expect(counts).toEqual([200, ...Array(15).fill(400)]);
});

test('D01: of 16 parallel resets over REST one succeeds, and its password is set', async () => {
  const { email } = await somebody(service);
  await service.rest('POST', '/password/request_change/', { json: { email } });
  const mail = (await service.mail.waitFor(email)).at(-1);
  const link = { uidb64: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
  const passwordOf = (index: number) => `parallel passphrase ${index}`;
  const responses = await many(16, (index) =>
    service.rest('PUT', '/password/reset/', {
      json: { ...link, password: passwordOf(index), password2: passwordOf(index) },
    }),
  );
  const results = await many(16, (index) => logIn(email, passwordOf(index)));
  expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(results).toEqual(responses.map(({ status }) => (status === 200 ? 200 : 401)));
});

test('F04: a taken address and a free one get the same response over REST', async () => {
  const owner = await somebody(service);
  const answerTo = async (email: string) => {
    const { accessToken: token, email: own } = await somebody(service);
    const json = { email, password: goodPassword };
    const { status, text } = await service.rest('PUT', '/profile/update/', { token, json });
    await quiet(service);
    expect(await logIn(own, goodPassword)).toBe(200);
    return [status, text.replaceAll(email, 'wanted').replaceAll(own, 'own')];
  };
  const strip = ([status, text]: readonly unknown[]) => [
    status,
    String(text).replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'x'),
  ];
  expect(strip(await answerTo(owner.email))).toEqual(strip(await answerTo(newAddress())));
});

test.each([
  ['a password', { password: 'an entirely new passphrase' }],
  ['an address', { email: newAddress() }],
  ['a disabling', { is_active: false }],
])('G06: %s that an administrator sets over REST ends the sessions', async (_what, json) => {
  const { accessToken, refreshToken, userId } = await somebody(service);
  expect(await isIn(service, accessToken)).toBe(true);
  expect(await patch(root, userId, json)).toBe(200);
  expect(await isIn(service, accessToken)).toBe(false);
  expect(await refresh(service, refreshToken)).toBeUndefined();
  expect(await patch(root, userId, { is_active: true })).toBe(200);
  expect(await isIn(service, accessToken)).toBe(false); // E08
});

describe('rights over REST', () => {
  test('J02: the creator of a permission does not hold it, and a wildcard is rejected', async () => {
    await setPermissions(service, sam.userId, ['users.add_permission']);
    const create = (codename: string) =>
      service.rest('POST', '/admin/permissions/', {
        token: sam.accessToken,
        json: { codename, name: 'Can shop' },
      });
    const name = `shop.${newName()}`;
    expect((await create(name)).status).toBe(201);
    const held = await service.rest('GET', `/profile/has_permission/${name}/`, {
      token: sam.accessToken,
    });
    expect([held.status, held.body.data]).toEqual([200, { has_permission: false }]);
    for (const wildcard of ['*', 'shop.*']) expect((await create(wildcard)).status).toBe(403);
  });

  test('J03: staff change none of their own rights', async () => {
    await setPermissions(service, sam.userId, ['*']);
    const before = [await rowOf(service, sam.userId), await grantedTo(service, sam.userId)];
    const group = await makeGroup(service, ['shop.pack']);
    const permission = await permissionId(service, 'shop.pack');
    for (const json of [
      { groups: [group] },
      { permissions: [permission] },
      { is_staff: false },
      { is_active: false },
    ]) {
      expect([json, await patch(sam, sam.userId, json)]).toEqual([json, 403]);
    }
    expect([await rowOf(service, sam.userId), await grantedTo(service, sam.userId)]).toEqual(
      before,
    );
  });

  test('G04: staff grant no permission, group or status that they lack', async () => {
    await setPermissions(service, sam.userId, ['users.change_user', 'users.change_group']);
    const { userId } = await somebody(service);
    const group = await makeGroup(service, ['shop.pack']);
    const permission = await permissionId(service, 'shop.pack');
    for (const json of [{ groups: [group] }, { permissions: [permission] }]) {
      expect([json, await patch(sam, userId, json)]).toEqual([json, 403]);
    }
    const response = await service.rest('PATCH', `/admin/groups/${group}/`, {
      token: sam.accessToken,
      json: { permissions: [await permissionId(service, 'shop.send')] },
    });
    expect(response.status).toBe(403);
    expect(await grantedTo(service, userId)).toEqual([]);
  });

  test('J05: staff set no password or verified address of another user, also without grants', async () => {
    await setPermissions(service, sam.userId, ['*']);
    const { email, userId } = await somebody(service);
    await setPermissions(service, userId, ['shop.pack']);
    expect(await patch(sam, userId, { permissions: [] })).toBe(200);
    expect(await patch(sam, userId, { password: 'an entirely new passphrase' })).toBe(403);
    expect(await patch(sam, userId, { email: newAddress() })).toBe(403);
    expect(await logIn(email, goodPassword)).toBe(200);
  });
});
