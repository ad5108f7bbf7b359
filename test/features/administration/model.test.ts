/**
 * Random sequences of all administrative operations by several actors, checked by a model of rights. Every
 * context claims that the actor is a superuser, so that only the rights in the database decide.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Problem } from '../../../src/core/errors.ts';
import { actorIdOf, type RequestContext, requireActor } from '../../../src/core/request-context.ts';
import { parseManifest } from '../../../src/features/access-manifest/manifest.ts';
import { insertCredential } from '../../support/credentials.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { faultsOf, readState, type State } from '../../support/rights-model.ts';
import {
  actors,
  codes,
  ends,
  groupNames,
  insertWorld,
  others,
  robots,
} from '../../support/rights-world.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
/** Queries do not wait for the change feed, because no operation here uses the cache. */
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ database });
});
afterAll(async () => {
  await service.close();
  await database.drop();
});

/** A context with more rights than the actor has. Its credential is not in the database yet. */
function contextOf(
  { id, email, isServiceAccount }: State['users'][number],
  limit: readonly string[] | undefined,
): RequestContext {
  const now = new Date();
  const client = {
    ipAddress: '127.0.0.1',
    userAgent: 'model',
    locale: 'en',
    requestId: randomUUID(),
  };
  const credential =
    limit || isServiceAccount
      ? { kind: 'api-key' as const, id: randomUUID(), permissions: limit ? new Set(limit) : null }
      : { kind: 'session' as const, id: randomUUID() };
  const fields = { groups: new Set(['Root']), permissions: new Set(['*']), credential };
  if (isServiceAccount) {
    const serviceAccount = { id, clientId: email, name: email };
    return { actor: { kind: 'service-account', serviceAccount, ...fields }, client };
  }
  return {
    actor: {
      kind: 'user',
      user: {
        id,
        email,
        username: null,
        firstName: '',
        lastName: '',
        status: 'ACTIVE',
        isStaff: true,
        isSuperuser: true,
        pendingEmail: null,
        emailVerifiedAt: now,
        locale: null,
        externalId: null,
        metadata: {},
        createdAt: now,
        updatedAt: now,
        lastLoginAt: null,
      },
      ...fields,
    },
    client,
  };
}

/** Limits of API keys. Most actors have none. */
const limits = [
  undefined,
  undefined,
  undefined,
  ['users.*', 'a.x'],
  ['users.change_user'],
] as const;

const index = fc.nat({ max: 1000 });
/** Names that no group has, or that a former group had. */
const otherNames = ['Fresh', 'New', 'Former'];

/** The random values of a step. Each operation uses those that it needs. */
const choice = fc.record({
  actor: fc.constantFrom(...actors, ...robots, 'ann', 'dan', 'rob'),
  limit: fc.constantFrom(...limits),
  robot: fc.constantFrom(...robots),
  user: fc.constantFrom(...actors, ...others),
  group: index,
  permission: index,
  end: fc.constantFrom(...ends),
  name: fc.constantFrom(...groupNames, ...otherNames, 'Root'),
  codename: fc.constantFrom(...codes, 'a.z', 'b.z', 'users.change_user', 'a.x*'),
  groups: fc.array(index, { maxLength: 2 }),
  permissions: fc.array(index, { maxLength: 2 }),
  flag: fc.boolean(),
  serial: fc.nat({ max: 1_000_000_000 }),
});
type Choice = Parameters<NonNullable<Parameters<typeof choice.map>[0]>>[0];

/** The arguments of an operation. */
interface Turn extends Pick<Choice, 'name' | 'codename' | 'flag' | 'serial'> {
  readonly userId: string;
  readonly userEmail: string;
  readonly robotId: string;
  readonly groupId: string;
  readonly permissionId: string;
  readonly groupIds: readonly string[];
  readonly permissionIds: readonly string[];
  readonly groupName: string;
  readonly expiresAt: Date | null;
  readonly email: string;
  readonly externalId: string;
  readonly password: string;
  readonly context: RequestContext;
}

const operations: Readonly<Record<string, (turn: Turn) => Promise<unknown>>> = {
  setGroups: ({ userId, groupIds, context }) =>
    service.app.admin.users.updateUser(userId, { groupIds }, context),
  setPermissions: ({ userId, permissionIds, context }) =>
    service.app.admin.users.updateUser(userId, { permissionIds }, context),
  setStaff: ({ userId, flag: isStaff, context }) =>
    service.app.admin.users.updateUser(userId, { isStaff }, context),
  setActive: ({ userId, flag: isActive, context }) =>
    service.app.admin.users.updateUser(userId, { isActive }, context),
  setEmail: ({ userId, email, context }) =>
    service.app.admin.users.updateUser(userId, { email }, context),
  setExternalId: ({ userId, externalId, context }) =>
    service.app.admin.users.updateUser(userId, { externalId }, context),
  setMetadata: ({ userId, serial, context }) =>
    service.app.admin.users.updateUser(userId, { metadata: { serial } }, context),
  setOwnFields: ({ serial, flag, context }) =>
    service.app.admin.users.updateUser(
      actorIdOf(requireActor(context)),
      flag ? { metadata: { serial } } : { externalId: `own ${serial}` },
      context,
    ),
  setPassword: ({ userId, password, context }) =>
    service.app.admin.users.updateUser(userId, { password }, context),
  setSeveral: ({ userId, email, externalId, flag, groupIds, permissionIds, context }) =>
    service.app.admin.users.updateUser(
      userId,
      {
        externalId,
        isStaff: flag,
        isActive: true,
        permissionIds,
        ...(flag ? { email } : { groupIds }),
      },
      context,
    ),
  createUser: ({ email, externalId, password, flag, groupIds, permissionIds, context }) =>
    service.app.admin.users.createUser(
      { email, externalId, password, isActive: flag, isStaff: flag, groupIds, permissionIds },
      context,
    ),
  createPlainUser: ({ email, context }) => service.app.admin.users.createUser({ email }, context),
  deactivateUser: ({ userId, context }) => service.app.admin.users.deactivateUser(userId, context),
  eraseUser: ({ userId, context }) => service.app.admin.userErasure.eraseUser(userId, context),
  setGroupMembership: ({ userId, groupId, expiresAt, context }) =>
    service.app.admin.grants.setGroupMembership({ userId, groupId, expiresAt }, context),
  createGroup: ({ name, permissionIds, context }) =>
    service.app.admin.groups.createGroup({ name, permissionIds }, context),
  renameGroup: ({ groupId, name, context }) =>
    service.app.admin.groups.updateGroup(groupId, { name }, context),
  setGroupPermissions: ({ groupId, permissionIds, context }) =>
    service.app.admin.groups.updateGroup(groupId, { permissionIds }, context),
  deleteGroup: ({ groupId, context }) => service.app.admin.groups.deleteGroup(groupId, context),
  createPermission: ({ codename, context }) =>
    service.app.admin.permissions.createPermission({ codename, name: 'Any' }, context),
  updatePermission: ({ permissionId, codename, context }) =>
    service.app.admin.permissions.updatePermission(permissionId, { codename }, context),
  deletePermission: ({ permissionId, context }) =>
    service.app.admin.permissions.deletePermission(permissionId, context),
  grantToUser: ({ userId, groupId, permissionId, flag, expiresAt, context }) =>
    service.app.admin.grants.grantToUser(
      userId,
      flag ? { groupId, ...(expiresAt ? { expiresAt } : {}) } : { permissionId },
      context,
    ),
  revokeFromUser: ({ userId, groupId, permissionId, flag, context }) =>
    service.app.admin.grants.revokeFromUser(userId, flag ? { groupId } : { permissionId }, context),
  applyAccess: ({ userEmail, groupName, codename, context }) =>
    service.app.admin.manifest.applyAccess(
      parseManifest({
        permissions: { [codename]: codename },
        groups: { [groupName]: { permissions: [codename] } },
        users: { [userEmail]: { groups: [groupName] } },
      }),
      context,
    ),
  createServiceAccount: ({ name, groupIds, permissionIds, context }) =>
    service.app.admin.serviceAccounts.createServiceAccount(
      { name, groupIds, permissionIds },
      context,
    ),
  setRobotGroups: ({ robotId, groupIds, context }) =>
    service.app.admin.serviceAccounts.updateServiceAccount(robotId, { groupIds }, context),
  setRobotPermissions: ({ robotId, permissionIds, context }) =>
    service.app.admin.serviceAccounts.updateServiceAccount(robotId, { permissionIds }, context),
  setRobotActive: ({ robotId, flag: isActive, context }) =>
    service.app.admin.serviceAccounts.updateServiceAccount(robotId, { isActive }, context),
  deleteServiceAccount: ({ robotId, context }) =>
    service.app.admin.serviceAccounts.deleteServiceAccount(robotId, context),
  sendPasswordReset: ({ userId, context }) =>
    service.app.admin.accountRecovery.sendPasswordReset(userId, context),
  revokeUserSessions: ({ userId, context }) =>
    service.app.admin.accountRecovery.revokeUserSessions(userId, context),
};

function pick<Item>(items: readonly Item[], at: number): Item {
  const item = items[at % items.length];
  if (item === undefined) throw new Error('the list is empty');
  return item;
}

function turnOf(
  choice: Choice,
  { users, groups, permissions }: State,
): Turn & { readonly actorId: string; readonly limit: readonly string[] | undefined } {
  const named = (name: string) =>
    users.find(({ email }) => email === `${name}@example.com` || email === name);
  const find = (name: string) => named(name) ?? pick(users, choice.serial);
  const actor = find(choice.actor);
  const [user, group] = [find(choice.user), pick(groups, choice.group)];
  return {
    ...choice,
    actorId: actor.id,
    context: contextOf(actor, choice.limit),
    limit: choice.limit,
    robotId: named(choice.robot)?.id ?? randomUUID(),
    userId: user.id,
    userEmail: user.email,
    groupId: group.id,
    groupName: group.name,
    permissionId: pick(permissions, choice.permission).id,
    groupIds: [...new Set(choice.groups.map((at) => pick(groups, at).id))],
    permissionIds: [...new Set(choice.permissions.map((at) => pick(permissions, at).id))],
    expiresAt: choice.end,
    email: `new-${choice.serial}@example.com`,
    externalId: choice.flag ? '' : `id ${choice.serial}`,
    password: `passphrase of number ${choice.serial}`,
  };
}

/** Whether the operation succeeded. A problem is expected; other errors are not. */
async function attempt(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await service.app.unitOfWork.withEntityManager(run);
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

const names = Object.keys(operations);
const step = fc.tuple(fc.constantFrom(...names), choice);
/** After this number of steps many memberships end. */
const stepsUntilEnd = 20;

const passTime = () =>
  database.query(
    "update user_groups set expires_at = now() - interval '1 second' where expires_at = $1",
    [ends[1]],
  );

/** The operations that succeeded for another actor than a superuser. */
const doneByStaff = new Set<string>();

async function play(steps: readonly (readonly [string, Choice])[]): Promise<void> {
  await insertWorld(database.query);
  const formerNames = new Set<string>(['Former']);
  let before = await readState({ database });
  for (const [at, [name, chosen]] of steps.entries()) {
    if (at === stepsUntilEnd) {
      await passTime();
      before = await readState({ database });
    }
    const { actorId, limit, ...turn } = turnOf(chosen, before);
    if (turn.context.actor) await insertCredential(database, turn.context.actor);
    const isDone = await attempt(async () => operations[name]?.(turn));
    const after = await readState({ database });
    const actor = before.users.find(({ id }) => id === actorId);
    const faults = faultsOf({ actorId, before, after, formerNames, limit });
    expect([name, actor?.email, ...faults]).toEqual([name, actor?.email]);
    if (isDone && !actor?.isSuperuser) doneByStaff.add(name);
    for (const group of before.groups) formerNames.add(group.name);
    before = after;
  }
}

test('J01 to J05: only superusers and holders of rights grant rights and change accounts', async () => {
  const sequences = fc.array(step, { minLength: 20, maxLength: 30, size: 'max' });
  await fc.assert(fc.asyncProperty(fc.noBias(sequences), play), {
    seed: 14,
    numRuns: 12,
    endOnFailure: true,
  });
  // Staff succeed with many operations, so the test is not vacuous.
  expect(names.filter((name) => doneByStaff.has(name)).length).toBeGreaterThan(10);
}, 120_000);
