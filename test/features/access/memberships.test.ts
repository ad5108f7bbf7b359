/** Memberships with an end, and the deletion of groups and permissions. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  newName,
  permissionId,
  setPermissions,
  superuser,
} from '../../support/administrators.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { grantedTo, rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const { updateUser, setGroupMembership, deleteGroup, deletePermission } = administrationOf(
  () => service,
);

const row = (id: string) => rowOf(service, id);

const granted = (userId: string) => grantedTo(service, userId);

describe('memberships with an end', () => {
  const has = async (at: TestService, token: string, name: string) => {
    const { data } = await at.graphql(
      'query ($name: String!) { hasGroup(name: $name) hasPermission(permission: "shop.pack_order") me { effectivePermissions groups { name } } }',
      { name },
      token,
    );
    const { hasGroup, hasPermission, me } = data;
    const listed = [me.groups.length > 0, me.effectivePermissions.includes('shop.pack_order')];
    return [hasGroup, hasPermission, ...listed];
  };

  test('are valid on every replica until their end, and on none afterwards', async () => {
    await using replica = await startService({ database: service.database, mail: service.mail });
    const { userId, accessToken } = await somebody(service);
    const name = newName();
    const id = await makeGroup(service, ['shop.pack_order'], name);
    const expiresAt = new Date(Date.now() + 1500);
    // The same instant with another UTC offset.
    const written = new Date(expiresAt.getTime() + 2 * 3_600_000).toISOString();
    const offset = written.replace('Z', '+02:00');
    const input = { userId, groupId: id, expiresAt: offset };
    expect((await setGroupMembership(root, input)).outcome).toBe('done');
    for (const at of [service, replica]) {
      await until(async () => (await has(at, accessToken, name)).every(Boolean));
    }
    await until(() => Date.now() > expiresAt.getTime());
    for (const at of [service, replica]) {
      expect(await has(at, accessToken, name)).toEqual([false, false, false, false]);
    }
    const holders = await service.graphql(
      `{ usersWithPermission(permission: "shop.pack_order", first: 100) { nodes { id } } }`,
      {},
      root.accessToken,
    );
    expect(holders.text).not.toContain(userId);
    expect((await updateUser(root, userId, { groupIds: [id] })).outcome).toBe('done');
    expect(await has(service, accessToken, name)).toEqual([true, true, true, true]);
  });

  test('can be extended or made permanent, and an update that lists the group keeps the end', async () => {
    const target = await makeUser(service);
    const id = await makeGroup(service);
    const times = async () =>
      (
        await service.database.query<{ expires_at: Date | null }>(
          'select expires_at from user_groups where user_id = $1',
          [target],
        )
      ).map(({ expires_at }) => expires_at?.toISOString() ?? null);
    const expiresAt = '2099-01-01T00:00:00.000Z';
    await setGroupMembership(root, { userId: target, groupId: id, expiresAt });
    expect(await times()).toEqual([expiresAt]);
    await updateUser(root, target, { groupIds: [id] });
    expect(await times()).toEqual([expiresAt]);
    await setGroupMembership(root, { userId: target, groupId: id });
    expect(await times()).toEqual([null]);
  });

  test.each([
    ['2020-01-01T00:00:00Z', 'VALIDATION_FAILED'],
    ['2099-02-30T00:00:00Z', 'BAD_USER_INPUT'],
    ['2099-01-01', 'BAD_USER_INPUT'],
    ['2099-01-01T00:00:00', 'BAD_USER_INPUT'],
    ['2099-01-01T24:00:00Z', 'BAD_USER_INPUT'],
    ['tomorrow', 'BAD_USER_INPUT'],
    ['', 'BAD_USER_INPUT'],
    [4_070_908_800_000, 'BAD_USER_INPUT'],
    [true, 'BAD_USER_INPUT'],
  ])('%s is rejected as the end', async (expiresAt, outcome) => {
    const input = { userId: await makeUser(service), groupId: await makeGroup(service), expiresAt };
    expect((await setGroupMembership(root, input)).outcome).toBe(outcome);
    const { text } = await service.graphql(
      `mutation { setGroupMembership(input: {userId: "${input.userId}", groupId: "${input.groupId}",
        expiresAt: ${JSON.stringify(expiresAt)}}) { __typename } }`,
      {},
      root.accessToken,
    );
    expect(text).toMatch(/VALIDATION|"Problem"/);
    expect(await granted(input.userId)).toEqual([]);
  });
});

test('the audit log contains grants and removals with the values before and after', async () => {
  const [id, group] = [await makeUser(service), await makeGroup(service)];
  const permission = await permissionId(service, 'shop.recorded');
  const expiresAt = '2099-01-01T00:00:00.000Z';
  await setGroupMembership(root, { userId: id, groupId: group, expiresAt });
  await updateUser(root, id, { groupIds: [], permissionIds: [permission] });
  await updateUser(root, id, { permissionIds: [permission] });
  const { data } = await service.graphql(
    'query ($id: ID!) { auditEntries(filter: {targetId: $id}) { nodes { action actorId before after } } }',
    { id },
    root.accessToken,
  );
  const entry = { action: 'user-updated', actorId: root.userId };
  expect(data.auditEntries.nodes).toEqual([
    { ...entry, before: { permissionIds: [] }, after: { permissionIds: [permission] } },
    { ...entry, before: { groupIds: [group] }, after: { groupIds: [] } },
    { ...entry, before: null, after: { groupId: group, expiresAt } },
  ]);
});

test('deleting a group during its grant causes no internal error, 8 times', async () => {
  for (let round = 0; round < 8; round += 1) {
    const [id, group] = [await makeUser(service), await makeGroup(service)];
    const [updated, deleted] = await Promise.all([
      updateUser(root, id, { groupIds: [group] }),
      deleteGroup(root, group),
    ]);
    expect(deleted.outcome).toBe('done');
    expect(['done', 'VALIDATION_FAILED']).toContain(updated.outcome);
  }
});

test('deleting a group keeps its members, and deleting a permission keeps its holders', async () => {
  const { userId, accessToken } = await somebody(service);
  const group = await makeGroup(service, ['shop.gone']);
  await service.database.query('insert into user_groups values ($1, $2)', [userId, group]);
  const may = async () =>
    (await service.graphql('{ hasPermission(permission: "shop.gone") }', {}, accessToken)).data
      .hasPermission;
  expect(await may()).toBe(true);
  expect((await deleteGroup(root, group)).outcome).toBe('done');
  expect(await may()).toBe(false);
  await setPermissions(service, userId, ['shop.gone']);
  expect(await may()).toBe(true);
  expect((await deletePermission(root, await permissionId(service, 'shop.gone'))).outcome).toBe(
    'done',
  );
  expect(await may()).toBe(false);
  expect((await row(userId))?.status).toBe('ACTIVE');
});
