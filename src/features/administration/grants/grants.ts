/** Changes the groups and permissions of users and the permissions of groups, by the policies of grants. */

import { Problem } from '../../../core/errors.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { rootGroupName } from '../../access/access.entities.ts';
import { isCurrent } from '../../access/access.ts';
import type { Audit } from '../../audit/audit.ts';
import type { User } from '../../users/user.entity.ts';
import { type ActorRights, beforeEveryEnd } from '../policies.ts';
import {
  createLinks,
  groupPermissions,
  type ItemsByOwner,
  type LinkDifference,
  type LinkTable,
  serviceAccountGroups,
  serviceAccountPermissions,
  userGroups,
  userPermissions,
} from './link-tables.ts';

/** A membership without an end, or until a time. */
export interface Membership {
  readonly groupId: string;
  readonly expiresAt: Date | null;
}

/**
 * Every function needs a transaction. The actor holds each new grant at least until its end. Only
 * superusers change their own grants. The members of Root never change here.
 */
export interface Grants {
  /**
   * Sets the groups of each user; new memberships have no end. Many users need hardly more statements
   * than one.
   *
   * @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED
   */
  setGroups(rights: ActorRights, groupIds: ItemsByOwner): Promise<void>;
  /** Adds a membership, or changes its end. @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED */
  setMembership(rights: ActorRights, user: User, membership: Membership): Promise<void>;
  /** Sets the direct permissions of each user. @throws FORBIDDEN, VALIDATION_FAILED */
  setPermissions(rights: ActorRights, permissionIds: ItemsByOwner): Promise<void>;
  /** Only superusers change a group of their own. @throws FORBIDDEN */
  assertNotMember(rights: ActorRights, groupId: string): Promise<void>;
  /** @throws FORBIDDEN (for a member of the group too), VALIDATION_FAILED */
  setGroupPermissions(
    rights: ActorRights,
    groupId: string,
    permissionIds: readonly string[],
  ): Promise<void>;
  /**
   * Sets the groups and the direct permissions of a service account. A list that is left out does not change. The
   * caller has checked that the account is not the actor.
   *
   * @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED
   */
  setServiceAccountGrants(rights: ActorRights, id: string, wanted: WantedGrants): Promise<void>;
}

export interface WantedGrants {
  readonly groupIds?: readonly string[] | undefined;
  readonly permissionIds?: readonly string[] | undefined;
}

type ChangedItems = Pick<LinkDifference, 'added' | 'removed'>;

export function createGrants({ query }: Pick<UnitOfWork, 'query'>, audit: Audit): Grants {
  const links = createLinks({ query });

  const assertHoldsItems = async (
    rights: ActorRights,
    table: LinkTable,
    { itemIds, until }: { readonly itemIds: readonly string[]; readonly until: Date | null },
  ) => {
    const codenames = await links.codenamesOf(table, itemIds);
    rights.assertHolds(codenames.map((codename) => ({ codename, until })));
  };

  const assertNotRoot = async (groupIds: readonly string[]) => {
    const found = await query(`select 1 from groups where id = any(?::uuid[]) and name = ?`, [
      groupIds,
      rootGroupName,
    ]);
    if (found.length > 0) throw new Problem('PROTECTED');
  };

  const assertNotMember = async (rights: ActorRights, groupId: string) => {
    const members = await query<{ id: string }>(
      `select user_id as id from user_groups
       where group_id = ? and user_id = ? and ${isCurrent('user_groups')}
       union all
       select service_account_id from service_account_groups
       where group_id = ? and service_account_id = ?`,
      [groupId, rights.actorId, groupId, rights.actorId],
    );
    if (members.length > 0) rights.assertNotSelf(rights.actorId);
  };

  /** Calls `assertCanChange` once, with all added and removed items, before it writes. */
  const setItems = async (
    table: LinkTable,
    wantedByOwner: ItemsByOwner,
    assertCanChange: (items: ChangedItems) => Promise<void>,
  ) => {
    await links.assertItemsExist(table, [...new Set([...wantedByOwner.values()].flat())]);
    const differences = await links.compare(table, wantedByOwner);
    if (differences.length === 0) return;
    const itemsOf = (name: 'added' | 'removed') => [
      ...new Set(differences.flatMap((difference) => difference[name])),
    ];
    await assertCanChange({ added: itemsOf('added'), removed: itemsOf('removed') });
    await links.write(table, differences);
    for (const { ownerId, before, wanted } of differences) {
      await audit.append({
        action: `${table.ownerType}-updated`,
        target: { type: table.ownerType, id: ownerId },
        before: { [table.field]: before },
        after: { [table.field]: wanted },
      });
    }
  };

  const setServiceAccountGroups = (rights: ActorRights, id: string, ids: readonly string[]) =>
    setItems(serviceAccountGroups, new Map([[id, ids]]), async ({ added, removed }) => {
      rights.assertCanChangeServiceAccountMembers(added.length > 0);
      await assertHoldsItems(rights, serviceAccountGroups, { itemIds: added, until: null });
      await assertNotRoot([...added, ...removed]);
    });

  return {
    assertNotMember,

    async setServiceAccountGrants(rights, id, { groupIds, permissionIds }) {
      if (groupIds) await setServiceAccountGroups(rights, id, groupIds);
      if (!permissionIds) return;
      const wanted = new Map([[id, permissionIds]]);
      await setItems(serviceAccountPermissions, wanted, ({ added }) =>
        assertHoldsItems(rights, serviceAccountPermissions, { itemIds: added, until: null }),
      );
    },

    async setGroups(rights, groupIds) {
      for (const userId of groupIds.keys()) rights.assertNotSelf(userId);
      await setItems(userGroups, groupIds, async ({ added, removed }) => {
        rights.assertCanChangeMembers(added.length > 0 ? null : beforeEveryEnd);
        await assertHoldsItems(rights, userGroups, { itemIds: added, until: null });
        await assertNotRoot([...added, ...removed]);
      });
    },

    async setMembership(rights, user, { groupId, expiresAt }) {
      rights.assertNotSelf(user.id);
      rights.assertCanChangeMembers(expiresAt);
      await links.assertItemsExist(userGroups, [groupId], 'groupId');
      await assertHoldsItems(rights, userGroups, { itemIds: [groupId], until: expiresAt });
      await assertNotRoot([groupId]);
      await query(
        `insert into user_groups (user_id, group_id, expires_at) values (?, ?, ?::timestamptz)
         on conflict (user_id, group_id) do update set expires_at = excluded.expires_at`,
        [user.id, groupId, expiresAt],
      );
      await audit.append({
        action: 'user-updated',
        target: { type: 'user', id: user.id },
        after: { groupId, expiresAt },
      });
    },

    async setPermissions(rights, permissionIds) {
      for (const userId of permissionIds.keys()) rights.assertNotSelf(userId);
      await setItems(userPermissions, permissionIds, ({ added }) =>
        assertHoldsItems(rights, userPermissions, { itemIds: added, until: null }),
      );
    },

    async setGroupPermissions(rights, groupId, permissionIds) {
      await setItems(groupPermissions, new Map([[groupId, permissionIds]]), async ({ added }) => {
        await assertNotMember(rights, groupId);
        await assertHoldsItems(rights, groupPermissions, { itemIds: added, until: null });
      });
    },
  };
}
