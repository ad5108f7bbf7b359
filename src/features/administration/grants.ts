/** Who holds what: groups and permissions given to users, permissions given to groups. */
import type { Actor } from '../../core/actor.ts';
import { parseFields, refuse } from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { Audit } from '../audit/audit.ts';
import type { User } from '../users/user.entity.ts';
import { requireHolds } from './rules.ts';

/** A place in a group, for good or until a time. */
export interface Membership {
  readonly groupId: string;
  readonly expiresAt: Date | null;
}

/** All need a transaction. Nobody gives what they do not hold. */
export interface Grants {
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  setGroups(actor: Actor, user: User, groupIds: readonly string[]): Promise<void>;
  /** Whoever is a member already stays one until the new time. @throws FORBIDDEN, VALIDATION_FAILED */
  setMembership(actor: Actor, user: User, membership: Membership): Promise<void>;
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  setPermissions(actor: Actor, user: User, permissionIds: readonly string[]): Promise<void>;
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  setGroupPermissions(
    actor: Actor,
    groupId: string,
    permissionIds: readonly string[],
  ): Promise<void>;
}

interface Pivot {
  readonly table: string;
  readonly ownerType: 'user' | 'group';
  readonly owner: string;
  readonly item: string;
  /** Name of the input that lists the items. */
  readonly field: string;
  /** SQL: what counts no more, and is to make room for what is given anew. */
  readonly ended?: string;
  /** SQL: the codes that an item gives, for the ids in `?`. */
  readonly codes: string;
  /** SQL: which of the ids in `?` there are, and stay until the transaction ends. */
  readonly known: string;
}

const ids = "string_to_array(?, ' ')::uuid[]";
const permissionCodes = `select codename from permissions where id = any(${ids})`;
const knownPermissions = `select id from permissions where id = any(${ids}) for key share`;

const userGroups: Pivot = {
  table: 'user_groups',
  ownerType: 'user',
  owner: 'user_id',
  item: 'group_id',
  field: 'groupIds',
  ended: 'expires_at <= now()',
  codes: `select p.codename from group_permissions gp join permissions p on p.id = gp.permission_id
    where gp.group_id = any(${ids})`,
  known: `select id from groups where id = any(${ids}) for key share`,
};
const userPermissions: Pivot = {
  table: 'user_permissions',
  ownerType: 'user',
  owner: 'user_id',
  item: 'permission_id',
  field: 'permissionIds',
  codes: permissionCodes,
  known: knownPermissions,
};
const groupPermissions: Pivot = {
  table: 'group_permissions',
  ownerType: 'group',
  owner: 'group_id',
  item: 'permission_id',
  field: 'permissionIds',
  codes: permissionCodes,
  known: knownPermissions,
};

export function createGrants({ query }: UnitOfWork, audit: Audit): Grants {
  const requireHoldsItems = async (pivot: Pivot, actor: Actor, itemIds: readonly string[]) => {
    const codes = await query<{ codename: string }>(pivot.codes, [itemIds.join(' ')]);
    requireHolds(
      actor,
      codes.map(({ codename }) => codename),
    );
  };

  const set = async (pivot: Pivot, actor: Actor, ownerId: string, wanted: readonly string[]) => {
    const known = await query(pivot.known, [wanted.join(' ')]);
    parseFields({
      [pivot.field]: () =>
        known.length === wanted.length || refuse('Names one that does not exist.'),
    });
    const { table, ownerType, owner, item } = pivot;
    if (pivot.ended)
      await query(`delete from ${table} where ${owner} = ? and ${pivot.ended}`, [ownerId]);
    const held = await query<{ id: string }>(
      `select ${item} as id from ${table} where ${owner} = ? for update`,
      [ownerId],
    );
    const heldIds = new Set(held.map(({ id }) => id));
    const added = wanted.filter((id) => !heldIds.has(id));
    await requireHoldsItems(pivot, actor, added);
    await query(`delete from ${table} where ${owner} = ? and not (${item} = any(${ids}))`, [
      ownerId,
      wanted.join(' '),
    ]);
    await query(
      `insert into ${table} (${owner}, ${item}) select ?::uuid, id from unnest(${ids}) id on conflict do nothing`,
      [ownerId, added.join(' ')],
    );
    if (added.length === 0 && held.length === wanted.length) return;
    await audit.record({
      action: `${ownerType}-updated`,
      target: { type: ownerType, id: ownerId },
      before: { [pivot.field]: [...heldIds] },
      after: { [pivot.field]: wanted },
    });
  };

  const setMembership: Grants['setMembership'] = async (actor, user, { groupId, expiresAt }) => {
    const known = await query(userGroups.known, [groupId]);
    parseFields({ groupId: () => known.length === 1 || refuse('Names one that does not exist.') });
    await requireHoldsItems(userGroups, actor, [groupId]);
    await query(
      `insert into user_groups (user_id, group_id, expires_at) values (?, ?, ?::timestamptz)
       on conflict (user_id, group_id) do update set expires_at = excluded.expires_at`,
      [user.id, groupId, expiresAt],
    );
    await audit.record({
      action: 'user-updated',
      target: { type: 'user', id: user.id },
      after: { groupId, expiresAt },
    });
  };

  return {
    setMembership,
    setGroups: (actor, user, groupIds) => set(userGroups, actor, user.id, groupIds),
    setPermissions: (actor, user, permissionIds) =>
      set(userPermissions, actor, user.id, permissionIds),
    setGroupPermissions: (actor, groupId, permissionIds) =>
      set(groupPermissions, actor, groupId, permissionIds),
  };
}
