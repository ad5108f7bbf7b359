/** Policies of administration: superusers, grants and protected objects. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  newName,
  permissionId,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { goodPassword, newAddress, somebody, tryLogin } from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { grantedTo, rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
/** Staff with the permissions on users only. */
let sam: Administrator;

const managing = ['users.add_user', 'users.change_user', 'users.delete_user', 'users.view_user'];

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  sam = await staff(service, managing);
});
afterAll(() => service.close());

const {
  createUser,
  updateUser,
  deactivateUser,
  setGroupMembership,
  createGroup,
  updateGroup,
  deleteGroup,
  updatePermission,
  deletePermission,
} = administrationOf(() => service);

const row = (id: string) => rowOf(service, id);

const granted = (userId: string) => grantedTo(service, userId);

async function groupId(name: string): Promise<string> {
  const [found] = await service.database.query<{ id: string }>(
    'select id from groups where name = $1',
    [name],
  );
  return found?.id ?? '';
}

describe('superusers', () => {
  const attempts: readonly (readonly [string, object, object])[] = [
    ['change the name of', { firstName: 'Mallory' }, { first_name: 'Mallory' }],
    ['set the password of', { password: goodPassword }, { password: goodPassword }],
    ['set the address of', { email: 'mallory@example.com' }, { email: 'mallory@example.com' }],
    ['disable', { isActive: false }, { is_active: false }],
    ['make staff of', { isStaff: true }, { is_staff: true }],
    ['take the groups of', { groupIds: [] }, { groups: [] }],
    ['take the permissions of', { permissionIds: [] }, { permissions: [] }],
  ];

  test.each(attempts)('staff cannot %s a superuser', async (_what, input, json) => {
    await setPermissions(service, sam.userId, ['*']);
    const target = await makeUser(service, { isSuperuser: true });
    const before = [await row(target), await granted(target)];
    expect((await updateUser(sam, target, input)).outcome).toBe('FORBIDDEN');
    for (const method of ['PUT', 'PATCH']) {
      const request = { token: sam.accessToken, json };
      const response = await service.rest(method, `/admin/users/${target}/`, request);
      expect([response.status, response.body.data.code]).toEqual([403, 'FORBIDDEN']);
    }
    expect([await row(target), await granted(target)]).toEqual(before);
  });

  test('staff cannot disable a superuser, enable one, or give one a group', async () => {
    await setPermissions(service, sam.userId, ['*']);
    const target = await makeUser(service, { isSuperuser: true });
    expect((await deactivateUser(sam, target)).outcome).toBe('FORBIDDEN');
    const response = await service.rest('DELETE', `/admin/users/${target}/`, {
      token: sam.accessToken,
    });
    expect(response.status).toBe(403);
    const membership = { userId: target, groupId: await makeGroup(service) };
    expect((await setGroupMembership(sam, membership)).outcome).toBe('FORBIDDEN');
    expect((await row(target))?.status).toBe('ACTIVE');
    expect((await deactivateUser(root, target)).outcome).toBe('done');
    expect((await updateUser(sam, target, { isActive: true })).outcome).toBe('FORBIDDEN');
    expect((await row(target))?.status).toBe('DISABLED');
  });

  test('no input sets the superuser flag', async () => {
    const { email, userId } = await somebody(service);
    const graphql = await updateUser(root, userId, { isSuperuser: true });
    expect(graphql.outcome).toBe('BAD_USER_INPUT');
    expect((await createUser(root, { isSuperuser: true })).outcome).toBe('BAD_USER_INPUT');
    for (const [method, path] of [
      ['PATCH', `/admin/users/${userId}/`],
      ['POST', '/admin/users/'],
    ] as const) {
      await service.rest(method, path, {
        token: root.accessToken,
        json: { email, first_name: 'Jean', is_superuser: true, isSuperuser: true },
      });
    }
    const newEmail = newAddress();
    await service.rest('POST', '/admin/users/', {
      token: root.accessToken,
      json: { email: newEmail, is_superuser: true },
    });
    const rows = await service.database.query<{ is_superuser: boolean }>(
      'select is_superuser from users where email = any($1)',
      [[email, newEmail]],
    );
    expect(rows).toEqual([{ is_superuser: false }, { is_superuser: false }]);
  });

  test('the last active superuser is not disabled', async () => {
    await using own = await startService();
    const last = await superuser(own);
    await makeUser(own, { isSuperuser: true });
    await own.database.query("update users set status = 'DISABLED' where id <> $1", [last.userId]);
    const token = last.accessToken;
    const path = `/admin/users/${last.userId}/`;
    for (const [method, json] of [
      ['DELETE', undefined],
      ['PATCH', { is_active: false }],
    ] as const) {
      const response = await own.rest(method, path, { token, json });
      expect([response.status, response.body.data.code]).toEqual([403, 'PROTECTED']);
    }
    expect((await own.rest('PATCH', path, { token, json: { is_active: true } })).status).toBe(200);
  });

  test('of two superusers that disable each other in parallel one stays active, 16 times', async () => {
    await using own = await startService();
    const pair = [await superuser(own), await superuser(own)] as const;
    for (let round = 0; round < 16; round += 1) {
      const [one, other] = [await tryLogin(own, pair[0].email), await tryLogin(own, pair[1].email)];
      const method = round % 2 === 0 ? 'DELETE' : 'PATCH';
      const disable = (token: string, id: string) =>
        own.rest(method, `/admin/users/${id}/`, {
          token,
          ...(method === 'PATCH' ? { json: { is_active: false } } : {}),
        });
      const statuses = await Promise.all([
        disable(one.accessToken, pair[1].userId),
        disable(other.accessToken, pair[0].userId),
      ]);
      const active = await own.database.query(
        "select 1 from users where is_superuser and status = 'ACTIVE'",
      );
      expect(active, JSON.stringify(statuses.map(({ text }) => text))).toHaveLength(1);
      expect(statuses.filter(({ status }) => status >= 500)).toEqual([]);
      await own.database.query("update users set status = 'ACTIVE'");
    }
  });
});

describe('grants', () => {
  test('staff grant only permissions that they hold, through every input', async () => {
    const codenames = [...managing, 'users.change_group', 'shop.view_order'];
    await setPermissions(service, sam.userId, codenames);
    const held = await permissionId(service, 'shop.view_order');
    const heldGroup = await makeGroup(service, ['shop.view_order']);
    const lacked = await permissionId(service, 'shop.delete_order');
    const lackedGroup = await makeGroup(service, ['shop.view_order', 'shop.delete_order']);
    const target = await makeUser(service);
    for (const input of [
      { permissionIds: [lacked] },
      { permissionIds: [held, lacked] },
      { groupIds: [lackedGroup] },
      { groupIds: [heldGroup, lackedGroup] },
    ]) {
      expect([input, (await updateUser(sam, target, input)).outcome]).toEqual([input, 'FORBIDDEN']);
      const email = newAddress();
      expect((await createUser(sam, { ...input, email })).outcome).toBe('FORBIDDEN');
      expect(await service.database.query('select 1 from users where email = $1', [email])).toEqual(
        [],
      );
    }
    expect((await setGroupMembership(sam, { userId: target, groupId: lackedGroup })).outcome).toBe(
      'FORBIDDEN',
    );
    expect(await granted(target)).toEqual([]);
    const both = { permissionIds: [held], groupIds: [heldGroup] };
    expect((await updateUser(sam, target, both)).outcome).toBe('done');
    expect((await createUser(sam, both)).outcome).toBe('done');
    expect((await setGroupMembership(sam, { userId: target, groupId: heldGroup })).outcome).toBe(
      'done',
    );
  });

  test('staff grant nothing to themselves', async () => {
    await setPermissions(service, sam.userId, managing);
    const lacked = await permissionId(service, 'shop.delete_order');
    const root = await groupId('Root');
    for (const input of [{ permissionIds: [lacked] }, { groupIds: [root] }]) {
      expect((await updateUser(sam, sam.userId, input)).outcome).toBe('FORBIDDEN');
    }
    const membership = { userId: sam.userId, groupId: root };
    expect((await setGroupMembership(sam, membership)).outcome).toBe('FORBIDDEN');
  });

  test('a list may repeat grants of the user that the actor lacks', async () => {
    await setPermissions(service, sam.userId, managing);
    const target = await makeUser(service);
    await setPermissions(service, target, ['shop.delete_order', 'shop.view_order']);
    const kept = await permissionId(service, 'shop.delete_order');
    expect((await updateUser(sam, target, { permissionIds: [kept] })).outcome).toBe('done');
    expect(await granted(target)).toEqual([{ kind: 'p', id: kept }]);
  });

  test('a wildcard covers its permissions, and these do not cover the wildcard', async () => {
    const give = async (codename: string) => {
      const permissionIds = [await permissionId(service, codename)];
      return (await updateUser(sam, await makeUser(service), { permissionIds })).outcome;
    };
    await setPermissions(service, sam.userId, [...managing, 'shop.*']);
    expect(await give('shop.view_order')).toBe('done');
    expect(await give('shop.*')).toBe('done');
    expect(await give('shop.*_order')).toBe('done');
    expect(await give('*')).toBe('FORBIDDEN');
    expect(await give('*.view_order')).toBe('FORBIDDEN');
    expect(await give('shop*')).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, [...managing, 'shop.view_order', 'shop.add_order']);
    expect(await give('shop.*')).toBe('FORBIDDEN');
    expect(await give('shop.*_order')).toBe('FORBIDDEN');
  });

  test('staff add only permissions that they hold to a group, and none to their own', async () => {
    const gus = await staff(service, ['users.add_group', 'users.change_group', 'shop.view_order']);
    const own = await makeGroup(service, ['shop.view_order']);
    await service.database.query('insert into user_groups values ($1, $2)', [gus.userId, own]);
    const held = await permissionId(service, 'shop.view_order');
    const lacked = await permissionId(service, 'shop.delete_order');
    const star = await permissionId(service, '*');
    for (const permissionIds of [[held, lacked], [star]]) {
      expect((await updateGroup(gus, own, { permissionIds })).outcome).toBe('FORBIDDEN');
      const name = newName();
      expect((await createGroup(gus, { name, permissionIds })).outcome).toBe('FORBIDDEN');
      expect(await groupId(name)).toBe('');
    }
    expect((await updateGroup(gus, own, { permissionIds: [held] })).outcome).toBe('done');
    expect((await createGroup(gus, { permissionIds: [held] })).outcome).toBe('done');
  });

  test('staff do not leave a group by deleting it', async () => {
    const gus = await staff(service, ['users.delete_group']);
    const own = await makeGroup(service, []);
    await service.database.query('insert into user_groups values ($1, $2)', [gus.userId, own]);
    expect((await deleteGroup(gus, own)).outcome).toBe('FORBIDDEN');
    await service.database.query('update user_groups set expires_at = now() where group_id = $1', [
      own,
    ]);
    expect((await deleteGroup(gus, own)).outcome).toBe('done');
  });

  test('staff do not take the name of a former group in another case', async () => {
    const gus = await staff(service, ['users.add_group', 'users.delete_group']);
    const name = `Straße ${newName()}`;
    expect((await deleteGroup(gus, await makeGroup(service, [], name))).outcome).toBe('done');
    for (const like of [
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      ` ${name} `,
      name.normalize('NFKD'),
    ]) {
      const isAnother = like.includes('STRASSE'); // SS is no other case of ß
      const { outcome } = await createGroup(gus, { name: like });
      expect([like, outcome]).toEqual([like, isAnother ? 'done' : 'FORBIDDEN']);
    }
    expect((await createGroup(root, { name: name.toLowerCase() })).outcome).toBe('done');
  });

  test('staff do not rename a permission into one that they lack', async () => {
    const pam = await staff(service, ['users.change_permission', 'users.add_permission', 'tea.*']);
    const codename = `tea.${newName()}`;
    const held = await permissionId(service, codename);
    for (const newCodename of ['users.change_user', '*', 'users.*', `shop.${newName()}`]) {
      expect([
        newCodename,
        (await updatePermission(pam, held, { codename: newCodename })).outcome,
      ]).toEqual([newCodename, 'FORBIDDEN']);
    }
    expect((await updatePermission(pam, held, { codename: `${codename}2` })).outcome).toBe('done');
    expect((await updatePermission(pam, held, { name: 'Tea' })).outcome).toBe('done');
  });

  test('the staff flag needs users.change_user and all rights of the account', async () => {
    const adder = await staff(service, ['users.add_user', 'shop.view_order']);
    expect((await createUser(adder, { isStaff: true })).outcome).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, managing);
    expect((await createUser(sam, { isStaff: true })).outcome).toBe('done');
    const plain = await makeUser(service);
    expect((await updateUser(sam, plain, { isStaff: true })).outcome).toBe('done');
    const strong = await makeUser(service);
    const group = await makeGroup(service, ['shop.delete_order']);
    await service.database.query('insert into user_groups values ($1, $2)', [strong, group]);
    expect((await updateUser(sam, strong, { isStaff: true })).outcome).toBe('FORBIDDEN');
    expect((await row(strong))?.is_staff).toBe(false);
    await setPermissions(service, sam.userId, [...managing, 'shop.*']);
    expect((await updateUser(sam, strong, { isStaff: true })).outcome).toBe('done');
  });

  test('J05: staff set no password or verified address of another user, with or without grants', async () => {
    await setPermissions(service, sam.userId, ['*']);
    const target = await makeUser(service, { isStaff: true });
    await setPermissions(service, target, ['shop.delete_order']);
    const taken = { permissionIds: [], groupIds: [], isStaff: false };
    expect((await updateUser(sam, target, taken)).outcome).toBe('done');
    const before = await row(target);
    for (const input of [{ password: 'an entirely new passphrase' }, { email: newAddress() }]) {
      expect((await updateUser(sam, target, input)).outcome).toBe('FORBIDDEN');
      const response = await service.rest('PATCH', `/admin/users/${target}/`, {
        token: sam.accessToken,
        json: input,
      });
      expect(response.status).toBe(403);
    }
    expect(await row(target)).toEqual(before);
    const names = { firstName: 'Jean', email: String(before?.email) };
    expect((await updateUser(sam, target, names)).outcome).toBe('done');
  });

  test('unknown ids are rejected with the name of their input', async () => {
    const target = await makeUser(service);
    const unknownId = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
    for (const [input, path] of [
      [{ groupIds: [unknownId] }, 'groupIds'],
      [{ permissionIds: [unknownId] }, 'permissionIds'],
    ] as const) {
      expect(await updateUser(root, target, input)).toMatchObject({
        outcome: 'VALIDATION_FAILED',
        fields: [{ path }],
      });
    }
    expect(await setGroupMembership(root, { userId: target, groupId: unknownId })).toMatchObject({
      outcome: 'VALIDATION_FAILED',
      fields: [{ path: 'groupId' }],
    });
    expect(
      (await setGroupMembership(root, { userId: unknownId, groupId: await makeGroup(service) }))
        .outcome,
    ).toBe('NOT_FOUND');
  });
});

describe('protected objects', () => {
  test('Root is neither changed nor deleted by superusers', async () => {
    const id = await groupId('Root');
    for (const input of [{ name: 'Roots' }, { description: '' }, { permissionIds: [] }]) {
      expect((await updateGroup(root, id, input)).outcome).toBe('PROTECTED');
    }
    expect((await deleteGroup(root, id)).outcome).toBe('PROTECTED');
    expect((await createGroup(root, { name: 'Root' })).outcome).toBe('ALREADY_EXISTS');
  });

  test('a built-in permission is neither changed nor deleted', async () => {
    const rows = await service.database.query<{ id: string }>(
      'select id from permissions where is_built_in',
    );
    expect(rows.length).toBeGreaterThan(8);
    for (const { id } of rows) {
      expect((await updatePermission(root, id, { name: 'Anything' })).outcome).toBe('PROTECTED');
      expect((await updatePermission(root, id, { codename: newName() })).outcome).toBe('PROTECTED');
      expect((await deletePermission(root, id)).outcome).toBe('PROTECTED');
    }
  });
});

test('sessions of another user are hidden from administrators too (G02)', async () => {
  const { userId } = await somebody(service);
  const { data, errors } = await service.graphql(
    'query ($id: ID!) { user(id: $id) { id sessions { id } } }',
    { id: userId },
    root.accessToken,
  );
  expect([data?.user ?? null, errors?.[0]?.extensions?.code]).toEqual([null, 'FORBIDDEN']);
});

test('no response and no log line contains a password or link', async () => {
  const password = 'kanarie passphrase 1';
  const { id } = await createUser(root, { password });
  await updateUser(root, id, { password: `${password}2` });
  await quiet(service);
  expect(service.logLines.join('\n')).not.toContain('kanarie');
});
