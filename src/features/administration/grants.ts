/** Memberships and grants: groups and permissions of users, permissions of groups. */

import { Problem } from '../../core/errors.ts';
import { parseFields, refuse } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { rootGroupName } from '../access/access.entities.ts';
import { isCurrent } from '../access/access.ts';
import type { Audit } from '../audit/audit.ts';
import type { User } from '../users/user.entity.ts';
import { type ActorRights, atPresent } from './policies.ts';

/** A place in a group, for good or until a time. */
export interface Membership {
  readonly groupId: string;
  readonly expiresAt: Date | null;
}

/**
 * All need a transaction. The actor holds what is given, at least as long as it lasts. Nobody but a
 * superuser changes their own; nobody gives or takes a place in Root.
 */
export interface Grants {
  /**
   * Sets the groups of each user; new memberships have no end. Many users cost hardly more statements
   * than one.
   *
   * @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED
   */
  setGroups(rights: ActorRights, groupIds: ItemsByOwner): Promise<void>;
  /** A member gets the new end. @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED */
  setMembership(rights: ActorRights, user: User, membership: Membership): Promise<void>;
  /** Sets the direct permissions of each user. @throws FORBIDDEN, VALIDATION_FAILED */
  setPermissions(rights: ActorRights, permissionIds: ItemsByOwner): Promise<void>;
  /** Nobody but a superuser changes a group that they are in. @throws FORBIDDEN */
  requireNotMember(rights: ActorRights, groupId: string): Promise<void>;
  /** @throws FORBIDDEN for a member of the group too, VALIDATION_FAILED */
  setGroupPermissions(
    rights: ActorRights,
    groupId: string,
    permissionIds: readonly string[],
  ): Promise<void>;
}

/** By the id of a user or a group, the ids of all that it is to have. */
export type ItemsByOwner = ReadonlyMap<string, readonly string[]>;

/** What a new list of items means for one owner. */
interface Difference {
  readonly ownerId: string;
  readonly before: readonly string[];
  readonly wanted: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

type Items = Pick<Difference, 'added' | 'removed'>;

interface Held {
  readonly owner: string;
  readonly item: string;
}

interface Pivot {
  readonly table: string;
  readonly ownerType: 'user' | 'group';
  readonly owner: string;
  readonly item: string;
  /** Name of the input that lists the items. */
  readonly field: string;
  /** SQL: what has ended, and makes room for what is given anew. */
  readonly ended?: string;
  /** SQL: the codes that an item gives, for the ids in `?`. */
  readonly codes: string;
  /** SQL: which of the ids in `?` there are, and stay until the transaction ends. */
  readonly known: string;
}

const ids = '?::uuid[]';
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
  const requireKnown = async (pivot: Pivot, itemIds: readonly string[], field = pivot.field) => {
    const known = await query(pivot.known, [itemIds]);
    parseFields({
      [field]: () => known.length === itemIds.length || refuse('Names one that does not exist.'),
    });
  };

  const requireCoversItems = async (
    rights: ActorRights,
    pivot: Pivot,
    { itemIds, until }: { readonly itemIds: readonly string[]; readonly until: Date | null },
  ) => {
    const codes = await query<{ codename: string }>(pivot.codes, [itemIds]);
    rights.assertHolds(codes.map(({ codename }) => ({ codename, until })));
  };

  const requireNotRoot = async (groupIds: readonly string[]) => {
    const found = await query(`select 1 from groups where id = any(${ids}) and name = ?`, [
      groupIds,
      rootGroupName,
    ]);
    if (found.length > 0) throw new Problem('PROTECTED');
  };

  const requireNotMember = async (rights: ActorRights, groupId: string) => {
    const members = await query<{ id: string }>(
      `select user_id as id from user_groups
       where group_id = ? and user_id = ? and ${isCurrent('user_groups')}`,
      [groupId, rights.actorId],
    );
    if (members.length > 0) rights.assertNotSelf(rights.actorId);
  };

  /** Of the owners whose list becomes another one. */
  const differencesOf = async (
    { table, owner, item, ended }: Pivot,
    wantedByOwner: ItemsByOwner,
  ): Promise<Difference[]> => {
    const owners = [...wantedByOwner.keys()];
    if (ended)
      await query(`delete from ${table} where ${owner} = any(${ids}) and ${ended}`, [owners]);
    const held = await query<Held>(
      `select ${owner} as owner, ${item} as item from ${table}
       where ${owner} = any(${ids}) order by ${owner}, ${item} for update`,
      [owners],
    );
    const heldByOwner = Map.groupBy(held, ({ owner: ownerId }) => ownerId);
    return [...wantedByOwner]
      .map(([ownerId, wanted]) => {
        const before = (heldByOwner.get(ownerId) ?? []).map(({ item: itemId }) => itemId);
        const [heldIds, wantedIds] = [new Set(before), new Set(wanted)];
        const added = wanted.filter((id) => !heldIds.has(id));
        const removed = before.filter((id) => !wantedIds.has(id));
        return { ownerId, before, wanted, added, removed };
      })
      .filter(({ added, removed }) => added.length > 0 || removed.length > 0);
  };

  const write = async ({ table, owner, item }: Pivot, differences: readonly Difference[]) => {
    await query(
      `delete from ${table} t using unnest(${ids}, ${ids}) as gone (owner, item)
       where t.${owner} = gone.owner and t.${item} = gone.item`,
      pairsOf(differences, 'removed'),
    );
    await query(
      `insert into ${table} (${owner}, ${item})
       select owner, item from unnest(${ids}, ${ids}) as given (owner, item) on conflict do nothing`,
      pairsOf(differences, 'added'),
    );
  };

  /** `requireMayChange` is asked about all items that are added and removed. */
  const set = async (
    pivot: Pivot,
    wantedByOwner: ItemsByOwner,
    requireMayChange: (items: Items) => Promise<void>,
  ) => {
    await requireKnown(pivot, [...new Set([...wantedByOwner.values()].flat())]);
    const differences = await differencesOf(pivot, wantedByOwner);
    if (differences.length === 0) return;
    const itemsOf = (name: 'added' | 'removed') => [
      ...new Set(differences.flatMap((difference) => difference[name])),
    ];
    await requireMayChange({ added: itemsOf('added'), removed: itemsOf('removed') });
    await write(pivot, differences);
    for (const { ownerId, before, wanted } of differences) {
      await audit.record({
        action: `${pivot.ownerType}-updated`,
        target: { type: pivot.ownerType, id: ownerId },
        before: { [pivot.field]: before },
        after: { [pivot.field]: wanted },
      });
    }
  };

  return {
    requireNotMember,

    async setGroups(rights, groupIds) {
      for (const userId of groupIds.keys()) rights.assertNotSelf(userId);
      await set(userGroups, groupIds, async ({ added, removed }) => {
        rights.assertCanChangeMembers(added.length > 0 ? null : atPresent);
        await requireCoversItems(rights, userGroups, { itemIds: added, until: null });
        await requireNotRoot([...added, ...removed]);
      });
    },

    async setMembership(rights, user, { groupId, expiresAt }) {
      rights.assertNotSelf(user.id);
      rights.assertCanChangeMembers(expiresAt);
      await requireKnown(userGroups, [groupId], 'groupId');
      await requireCoversItems(rights, userGroups, { itemIds: [groupId], until: expiresAt });
      await requireNotRoot([groupId]);
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
    },

    async setPermissions(rights, permissionIds) {
      for (const userId of permissionIds.keys()) rights.assertNotSelf(userId);
      await set(userPermissions, permissionIds, ({ added }) =>
        requireCoversItems(rights, userPermissions, { itemIds: added, until: null }),
      );
    },

    async setGroupPermissions(rights, groupId, permissionIds) {
      await set(groupPermissions, new Map([[groupId, permissionIds]]), async ({ added }) => {
        await requireNotMember(rights, groupId);
        await requireCoversItems(rights, groupPermissions, { itemIds: added, until: null });
      });
    },
  };
}

/** The owners and their items, as two lists of the same length. */
function pairsOf(differences: readonly Difference[], name: 'added' | 'removed'): string[][] {
  const pairs = differences.flatMap((difference) =>
    difference[name].map((itemId) => [difference.ownerId, itemId] as const),
  );
  return [pairs.map(([owner]) => owner), pairs.map(([, item]) => item)];
}
