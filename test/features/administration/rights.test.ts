/** Policies of grants: the rights of the actor, their end, and changes of own rights. */
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
import { goodPassword, newAddress } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { grantedTo, rowOf } from '../../support/user-rows.ts';

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
  setGroupMembership,
  createGroup,
  updateGroup,
  deleteGroup,
  createPermission,
  updatePermission,
  deletePermission,
} = administrationOf(() => service);

const members = ['users.change_user', 'users.change_group'];
const soon = '2098-01-01T00:00:00.000Z';
const later = '2098-01-01T00:00:00.001Z';

const sql = (text: string, parameters: unknown[]) => service.database.query(text, parameters);

async function join(userId: string, groupId: string, expiresAt: string | null = null) {
  await sql('insert into user_groups values ($1, $2, $3)', [userId, groupId, expiresAt]);
}

/** Staff with some permissions without an end and others until `soon`. */
async function temporary(forGood: readonly string[], untilSoon: readonly string[]) {
  const administrator = await staff(service, forGood);
  const group = await makeGroup(service, untilSoon);
  await join(administrator.userId, group, soon);
  return { ...administrator, group };
}

describe('J02: users hold only permissions that were granted', () => {
  test('the creator of a permission does not hold it', async () => {
    const pam = await staff(service, ['users.add_permission']);
    const codename = `shop.${newName()}`;
    const { outcome } = await createPermission(pam, { codename, name: 'Shop' });
    const { data } = await service.graphql(
      'query ($codename: String!) { hasPermission(permission: $codename) }',
      { codename },
      pam.accessToken,
    );
    expect([outcome, data.hasPermission]).toEqual(['done', false]);
  });

  test('the creator of a wildcard must hold everything that it matches, without an end', async () => {
    const pam = await temporary(['users.add_permission', 'tea.*'], ['oil.*']);
    const make = async (codename: string) =>
      (await createPermission(pam, { codename, name: 'Anything' })).outcome;
    for (const codename of ['*', 'x.*', '*.view', 'tea*', '*.*', 'oil.*', 'oil.x*']) {
      expect([codename, await make(codename)]).toEqual([codename, 'FORBIDDEN']);
    }
    expect(await make(`tea.${newName()}*`)).toBe('done');
    const { status } = await service.rest('POST', '/admin/permissions/', {
      token: pam.accessToken,
      json: { codename: '*', name: 'All' },
    });
    expect(status).toBe(403);
  });

  test('the codename of a permission is not changed by its holder, nor to one held for a time', async () => {
    const pam = await temporary(['users.change_permission', 'tea.*'], ['oil.press']);
    const [own, other] = [`tea.${newName()}`, `tea.${newName()}`];
    const held = await permissionId(service, own);
    await sql('insert into user_permissions values ($1, $2)', [pam.userId, held]);
    const input = { codename: `tea.${newName()}` };
    expect((await updatePermission(pam, held, input)).outcome).toBe('FORBIDDEN');
    const id = await permissionId(service, other);
    await sql("delete from permissions where codename = 'oil.press'", []);
    expect((await updatePermission(pam, id, { codename: 'oil.press' })).outcome).toBe('FORBIDDEN');
    expect((await updatePermission(pam, id, input)).outcome).toBe('done');
  });

  test('a permission that is deleted and created again has no holder', async () => {
    const pam = await staff(service, ['users.add_permission', 'users.delete_permission']);
    const codename = `shop.${newName()}`;
    const id = await permissionId(service, codename);
    const holder = await makeUser(service);
    await setPermissions(service, holder, [codename]);
    await deletePermission(pam, id);
    expect((await createPermission(pam, { codename, name: 'Shop' })).outcome).toBe('done');
    expect(await grantedTo(service, holder)).toEqual([]);
  });
});

describe('J03: no grant outlasts that of the actor', () => {
  test('a right with an end is granted until that end at most', async () => {
    const sam = await temporary(members, ['shop.pack']);
    const group = await makeGroup(service, ['shop.pack']);
    const give = async (expiresAt: string | null) => {
      const userId = await makeUser(service);
      return (await setGroupMembership(sam, { userId, groupId: group, expiresAt })).outcome;
    };
    expect(await give(null)).toBe('FORBIDDEN');
    expect(await give(later)).toBe('FORBIDDEN');
    expect(await give(soon)).toBe('done');
    const target = await makeUser(service);
    await setGroupMembership(sam, { userId: target, groupId: group, expiresAt: soon });
    const prolong = { userId: target, groupId: group };
    expect((await setGroupMembership(sam, prolong)).outcome).toBe('FORBIDDEN');
  });

  test('a right with an end is not granted without one, directly or by a group', async () => {
    const forGood = [...members, 'users.add_user', 'users.add_group'];
    const sam = await temporary(forGood, ['shop.pack']);
    const permissionIds = [await permissionId(service, 'shop.pack')];
    const target = await makeUser(service);
    const empty = await makeGroup(service);
    for (const input of [{ permissionIds }, { groupIds: [sam.group] }]) {
      expect((await updateUser(sam, target, input)).outcome).toBe('FORBIDDEN');
      expect((await createUser(sam, input)).outcome).toBe('FORBIDDEN');
    }
    expect((await updateGroup(sam, empty, { permissionIds })).outcome).toBe('FORBIDDEN');
    expect((await createGroup(sam, { permissionIds })).outcome).toBe('FORBIDDEN');
    expect(await grantedTo(service, target)).toEqual([]);
  });

  test('the right to change members is needed until the end of the membership', async () => {
    const group = await makeGroup(service);
    for (const [forGood, untilSoon] of [
      [['users.change_user'], ['users.change_group']],
      [['users.change_group'], ['users.change_user']],
    ] as const) {
      const sam = await temporary(forGood, untilSoon);
      const give = async (expiresAt: string | null) => {
        const input = { userId: await makeUser(service), groupId: group, expiresAt };
        return (await setGroupMembership(sam, input)).outcome;
      };
      expect([await give(null), await give(soon)]).toEqual(['FORBIDDEN', 'done']);
      const lasting = { groupIds: [group] };
      const target = await makeUser(service);
      expect((await updateUser(sam, target, lasting)).outcome).toBe('FORBIDDEN');
    }
  });

  test('the staff flag is set only by holders of users.change_user without an end and of all rights of the account', async () => {
    const sam = await temporary(['shop.pack'], ['users.change_user', 'shop.send']);
    const target = await makeUser(service);
    expect((await updateUser(sam, target, { isStaff: true })).outcome).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, ['users.change_user', 'shop.pack']);
    const group = await makeGroup(service, ['shop.send']);
    await join(target, group);
    expect((await updateUser(sam, target, { isStaff: true })).outcome).toBe('FORBIDDEN');
    await sql('update user_groups set expires_at = $2 where user_id = $1', [target, soon]);
    expect((await updateUser(sam, target, { isStaff: true })).outcome).toBe('done');
  });

  test('an account is enabled only by holders of its rights', async () => {
    const sam = await staff(service, ['users.change_user']);
    const strong = await makeUser(service, { isStaff: true });
    await setPermissions(service, strong, ['shop.pack']);
    await deactivateUser(root, strong);
    expect((await updateUser(sam, strong, { isActive: true })).outcome).toBe('FORBIDDEN');
    expect((await rowOf(service, strong))?.status).toBe('DISABLED');
    await setPermissions(service, sam.userId, ['users.change_user', 'shop.*']);
    expect((await updateUser(sam, strong, { isActive: true })).outcome).toBe('done');
  });

  test('a revoked right has an immediate effect, before any cache is invalidated', async () => {
    const { query } = service.database;
    for (let round = 0; round < 8; round += 1) {
      const sam = await staff(service, ['users.change_user', 'shop.pack']);
      const target = await makeUser(service);
      const permissionIds = [await permissionId(service, 'shop.pack')];
      const [given] = await Promise.all([
        updateUser(sam, target, { permissionIds }),
        query('delete from user_permissions where user_id = $1', [sam.userId]),
      ]);
      expect(['done', 'FORBIDDEN']).toContain(given.outcome);
      const after = await updateUser(sam, target, { permissionIds: [] });
      expect(after.outcome).toBe('FORBIDDEN');
    }
  });
});

describe('J03: no change of own rights', () => {
  const own: readonly (readonly [string, (sam: Administrator, group: string) => object])[] = [
    ['groups', (_sam, group) => ({ groupIds: [group] })],
    ['no groups', () => ({ groupIds: [] })],
    ['grants', () => ({ permissionIds: [] })],
    ['staff flag', () => ({ isStaff: true })],
    ['end as staff', () => ({ isStaff: false })],
    ['status', () => ({ isActive: true })],
    ['end', () => ({ isActive: false })],
    ['password', () => ({ password: goodPassword })],
    ['address', () => ({ email: newAddress() })],
  ];

  test.each(own)('staff do not set their own %s', async (_what, inputOf) => {
    const sam = await staff(service, ['*', 'users.change_user']);
    const before = [await rowOf(service, sam.userId), await grantedTo(service, sam.userId)];
    const input = inputOf(sam, await makeGroup(service));
    expect((await updateUser(sam, sam.userId, input)).outcome).toBe('FORBIDDEN');
    expect([await rowOf(service, sam.userId), await grantedTo(service, sam.userId)]).toEqual(
      before,
    );
    expect((await updateUser(sam, sam.userId, { firstName: 'Sam' })).outcome).toBe('done');
  });

  test('staff do not change their own memberships, nor disable themselves', async () => {
    const sam = await temporary(['*'], ['shop.pack']);
    for (const [groupId, expiresAt] of [
      [sam.group, null],
      [sam.group, later],
      [await makeGroup(service), soon],
    ]) {
      const input = { userId: sam.userId, groupId, expiresAt };
      expect((await setGroupMembership(sam, input)).outcome).toBe('FORBIDDEN');
    }
    expect((await deactivateUser(sam, sam.userId)).outcome).toBe('FORBIDDEN');
  });

  test('staff do not change the permissions of their own groups', async () => {
    const gus = await temporary(['users.change_group', 'shop.*'], ['shop.pack']);
    const permissionIds = [await permissionId(service, 'shop.send')];
    expect((await updateGroup(gus, gus.group, { permissionIds })).outcome).toBe('FORBIDDEN');
    expect((await updateGroup(gus, gus.group, { description: 'Mine' })).outcome).toBe('done');
    const other = await makeGroup(service);
    expect((await updateGroup(gus, other, { permissionIds })).outcome).toBe('done');
  });

  test('superusers change their own rights', async () => {
    const chief = await superuser(service);
    const input = { isStaff: true, permissionIds: [], password: 'an entirely new passphrase' };
    expect((await updateUser(chief, chief.userId, input)).outcome).toBe('done');
  });
});

describe('J04: groups are identities', () => {
  test('a change of members needs the permissions for users and groups', async () => {
    const group = await makeGroup(service);
    for (const lacking of members) {
      const held = ['users.add_user', ...members.filter((each) => each !== lacking)];
      const sam = await staff(service, held);
      const member = await makeUser(service);
      await join(member, group);
      const input = { userId: await makeUser(service), groupId: group };
      expect((await setGroupMembership(sam, input)).outcome).toBe('FORBIDDEN');
      expect((await createUser(sam, { groupIds: [group] })).outcome).toBe('FORBIDDEN');
      expect((await updateUser(sam, member, { groupIds: [] })).outcome).toBe('FORBIDDEN');
      if (lacking === 'users.change_user') continue;
      expect((await updateUser(sam, member, { groupIds: [group] })).outcome).toBe('done');
    }
  });

  test('only superusers rename groups and reuse a former name', async () => {
    const gus = await staff(service, [
      'users.add_group',
      'users.change_group',
      'users.delete_group',
    ]);
    const name = newName();
    const group = await makeGroup(service, [], name);
    const unused = await makeGroup(service);
    expect((await updateGroup(gus, group, { name: newName() })).outcome).toBe('FORBIDDEN');
    expect((await updateGroup(gus, unused, { name })).outcome).toBe('FORBIDDEN');
    expect((await updateGroup(gus, group, { name, description: 'Same' })).outcome).toBe('done');
    expect((await deleteGroup(gus, group)).outcome).toBe('done');
    expect((await createGroup(gus, { name })).outcome).toBe('FORBIDDEN');
    const { status } = await service.rest('POST', '/admin/groups/', {
      token: gus.accessToken,
      json: { name },
    });
    expect(status).toBe(403);
    const again = await createGroup(root, { name });
    expect(again.outcome).toBe('done');
    expect((await updateGroup(root, again.id, { name: newName() })).outcome).toBe('done');
    expect((await createGroup(gus, { name })).outcome).toBe('FORBIDDEN');
    expect((await createGroup(gus, { name: newName() })).outcome).toBe('done');
  });
});

describe('an update without a field', () => {
  test.each([
    ['User', 'users'],
    ['Group', 'groups'],
    ['Permission', 'permissions'],
  ])('of a %s reads nothing and names the missing input', async (type, plural) => {
    const sam = await staff(service, [`users.change_${type.toLowerCase()}`]);
    const ids = {
      User: await makeUser(service),
      Group: await makeGroup(service),
      Permission: await permissionId(service, `shop.${newName()}`),
    };
    const id = ids[type as keyof typeof ids]; // a row of the table above
    const email = String((await rowOf(service, ids.User))?.email);
    for (const input of [{}, type === 'User' ? { firstName: null } : { name: null }]) {
      const { data, text } = await service.graphql(
        `mutation ($id: ID!, $input: Update${type}Input!) {
           update${type}(id: $id, input: $input) { ... on ${type} { id } ... on Problem { code fields { path message } } }
         }`,
        { id, input },
        sam.accessToken,
      );
      expect(data[`update${type}`]).toEqual({
        code: 'VALIDATION_FAILED',
        fields: [{ path: 'input', message: 'Give at least one field.' }],
      });
      expect(text).not.toContain(email);
    }
    for (const method of ['PUT', 'PATCH']) {
      for (const json of [{}, { unknown: 'x' }]) {
        const response = await service.rest(method, `/admin/${plural}/${id}/`, {
          token: sam.accessToken,
          json,
        });
        expect([response.status, response.text.includes(email)]).toEqual([400, false]);
      }
    }
  });
});
