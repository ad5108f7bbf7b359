/** J01: exactly the superusers are members of Root; the database enforces it too. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let chief: Administrator;
let rootId: string;

beforeAll(async () => {
  service = await startService();
  chief = await superuser(service);
  const [row] = await service.database.query<{ id: string }>(
    "select id from groups where name = 'Root'",
  );
  rootId = row?.id ?? '';
});
afterAll(() => service.close());

const { updateUser, createUser, setGroupMembership } = administrationOf(() => service);

const sql = (text: string, parameters: unknown[] = []) =>
  service.database.query(text, parameters).then(
    () => 'done',
    (error: Error) => error.message,
  );

const isInRoot = async (id: string) =>
  (
    await service.database.query('select 1 from user_groups where user_id = $1 and group_id = $2', [
      id,
      rootId,
    ])
  ).length > 0;

describe('J01: by SQL', () => {
  test('only superusers join Root', async () => {
    const [user, group] = [await makeUser(service, { isStaff: true }), await makeGroup(service)];
    const rejection = /only superusers belong to the group Root/;
    const insert = 'insert into user_groups (user_id, group_id) values ($1, $2)';
    expect(await sql(insert, [user, rootId])).toMatch(rejection);
    expect(await sql(insert, [user, group])).toBe('done');
    const move = 'update user_groups set group_id = $2 where user_id = $1';
    expect(await sql(move, [user, rootId])).toMatch(rejection);
    const swap = 'update user_groups set user_id = $1 where user_id = $2 and group_id = $3';
    expect(await sql(swap, [user, chief.userId, rootId])).toMatch(/stays in the group Root/);
    expect(await isInRoot(user)).toBe(false);
  });

  test('a superuser joins Root with the flag, and leaves it with the flag only', async () => {
    const user = await makeUser(service);
    await service.database.query('update users set is_superuser = true where id = $1', [user]);
    expect(await isInRoot(user)).toBe(true);
    const own = 'where user_id = $1 and group_id = $2';
    const stays = /stays in the group Root/;
    expect(await sql(`delete from user_groups ${own}`, [user, rootId])).toMatch(stays);
    const end = `update user_groups set expires_at = now() ${own}`;
    expect(await sql(end, [user, rootId])).toMatch(stays);
    await service.database.query('update users set is_superuser = false where id = $1', [user]);
    expect(await isInRoot(user)).toBe(false);
    const removed = await makeUser(service, { isSuperuser: true });
    expect(await isInRoot(removed)).toBe(true);
    expect(await sql('delete from users where id = $1', [removed])).toBe('done');
  });

  test('a superuser that loses the flag while joining Root is not a member, 16 times', async () => {
    for (let round = 0; round < 16; round += 1) {
      const user = await makeUser(service, { isSuperuser: true });
      await Promise.all([
        sql('update users set is_superuser = false where id = $1', [user]),
        sql(
          `insert into user_groups (user_id, group_id) values ($1, $2)
           on conflict (user_id, group_id) do update set expires_at = null`,
          [user, rootId],
        ),
      ]);
      expect(await isInRoot(user)).toBe(false);
    }
  });

  test('Root is neither renamed nor deleted', async () => {
    const keeps = /keeps its name and stays/;
    expect(await sql("update groups set name = 'Roots' where id = $1", [rootId])).toMatch(keeps);
    expect(await sql('delete from groups where id = $1', [rootId])).toMatch(keeps);
    expect(await sql('delete from groups')).toMatch(keeps);
  });
});

describe('J01: by every operation', () => {
  test('staff with every permission add no user to Root', async () => {
    const sam = await staff(service);
    await setPermissions(service, sam.userId, ['*', 'users.change_user', 'users.change_group']);
    const target = await makeUser(service);
    for (const userId of [target, sam.userId]) {
      const input = { userId, groupId: rootId };
      expect(['FORBIDDEN', 'PROTECTED']).toContain((await setGroupMembership(sam, input)).outcome);
      const groups = { groupIds: [rootId] };
      expect(['FORBIDDEN', 'PROTECTED']).toContain((await updateUser(sam, userId, groups)).outcome);
      for (const method of ['PUT', 'PATCH']) {
        const { status } = await service.rest(method, `/admin/users/${userId}/`, {
          token: sam.accessToken,
          json: { groups: [rootId] },
        });
        expect(status).toBe(403);
      }
      expect(await isInRoot(userId)).toBe(false);
    }
    expect(['FORBIDDEN', 'PROTECTED']).toContain(
      (await createUser(sam, { groupIds: [rootId] })).outcome,
    );
  });

  test('superusers neither grant nor revoke it', async () => {
    const target = await makeUser(service);
    const other = await makeUser(service, { isSuperuser: true });
    const group = await makeGroup(service);
    for (const userId of [target, other]) {
      const input = { userId, groupId: rootId };
      expect((await setGroupMembership(chief, input)).outcome).toBe('PROTECTED');
    }
    expect((await updateUser(chief, target, { groupIds: [rootId] })).outcome).toBe('PROTECTED');
    expect((await createUser(chief, { groupIds: [rootId] })).outcome).toBe('PROTECTED');
    expect((await updateUser(chief, other, { groupIds: [group] })).outcome).toBe('PROTECTED');
    expect((await updateUser(chief, other, { groupIds: [rootId, group] })).outcome).toBe('done');
    expect([await isInRoot(target), await isInRoot(other)]).toEqual([false, true]);
  });
});
