/** The operations on memberships and direct permissions of users: a single grant, or those of many users. */

import { Problem } from '../../../core/errors.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { Clock } from '../../../core/time.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { rootGroupName } from '../../access/access.entities.ts';
import { isCurrent } from '../../access/access.ts';
import type { User } from '../../users/user.entity.ts';
import { type GroupMembershipInput, parseMembership } from '../input.ts';
import { type ActorPolicies, requireAdministrator } from '../policies.ts';
import type { UserPolicies } from '../user-policies.ts';
import type { UserAdministration } from '../users.ts';
import type { Grants } from './grants.ts';
import type { ItemsByOwner } from './link-tables.ts';

export interface NamedMembership {
  readonly group: string;
  /** The end of the membership, which may be in the past. */
  readonly expiresAt: Date | null;
}

/** The ids of a group and of a permission; either may be left out. */
export interface GrantTarget {
  readonly groupId?: string | undefined;
  readonly permissionId?: string | undefined;
}

export interface UserGrants {
  /** The memberships of a user by the name of the group, ended ones included. @throws FORBIDDEN */
  membershipsOf(userId: string, context: RequestContext): Promise<NamedMembership[]>;
  /**
   * Adds a membership that lasts until a time, or has no end. An existing membership gets the new end.
   *
   * @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED
   */
  setGroupMembership(input: GroupMembershipInput, context: RequestContext): Promise<User>;
  /**
   * Sets groups and direct permissions of many users, by their ids. The caller has locked the users.
   * Needs a transaction.
   *
   * @throws FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED
   */
  setGrants(
    grants: { readonly groupIds: ItemsByOwner; readonly permissionIds: ItemsByOwner },
    context: RequestContext,
  ): Promise<void>;
  /**
   * Adds one grant to those of the user. An existing membership gets the new end.
   *
   * @throws FORBIDDEN, NOT_FOUND, PROTECTED for the Root group, VALIDATION_FAILED
   */
  grantToUser(
    userId: string,
    target: GrantTarget & { readonly expiresAt?: Date | undefined },
    context: RequestContext,
  ): Promise<void>;
  /**
   * Removes one grant from those of the user.
   *
   * @throws FORBIDDEN, NOT_FOUND for a grant that the user lacks, PROTECTED for a superuser's Root group
   */
  revokeFromUser(userId: string, target: GrantTarget, context: RequestContext): Promise<void>;
}

export interface UserGrantsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly grants: Grants;
  readonly policies: Pick<ActorPolicies, 'forActor'>;
  readonly userPolicies: Pick<UserPolicies, 'lockManagedUser'>;
  readonly userAdministration: Pick<UserAdministration, 'updateUser'>;
  readonly clock: Clock;
}

interface HeldGrants {
  readonly isSuperuser: boolean;
  readonly groupIds: readonly string[];
  readonly permissionIds: readonly string[];
}

const permission = 'users.change_user';

export function createUserGrants(deps: UserGrantsDeps): UserGrants {
  const { query, transaction } = deps.unitOfWork;
  const { grants, policies, userPolicies } = deps;
  const { updateUser } = deps.userAdministration;

  /** Locks the user, so that the grants stay the same until the transaction ends. */
  const lockGrants = async (userId: string): Promise<HeldGrants> => {
    const [user] = await query<{ is_superuser: boolean }>(
      'select is_superuser from users where id = ? for update',
      [userId],
    );
    if (!user) throw new Problem('NOT_FOUND');
    const groups = await query<{ id: string }>(
      `select group_id as id from user_groups
       where user_id = ? and ${isCurrent('user_groups')}`,
      [userId],
    );
    const permissions = await query<{ id: string }>(
      'select permission_id as id from user_permissions where user_id = ?',
      [userId],
    );
    return {
      isSuperuser: user.is_superuser,
      groupIds: groups.map(({ id }) => id),
      permissionIds: permissions.map(({ id }) => id),
    };
  };

  const isRoot = async (groupId: string | undefined) =>
    groupId !== undefined &&
    (await query('select 1 from groups where id = ? and name = ?', [groupId, rootGroupName]))
      .length > 0;

  const setGroupMembership: UserGrants['setGroupMembership'] = async (input, context) => {
    const actor = requireAdministrator(context, permission);
    const membership = parseMembership(input, deps.clock());
    return transaction(async () => {
      const { user, rights } = await userPolicies.lockManagedUser(input.userId, actor, permission);
      await grants.setMembership(rights, user, membership);
      return user;
    });
  };

  return {
    setGroupMembership,

    async membershipsOf(userId, context) {
      requireAdministrator(context, 'users.view_user');
      const rows = await query<{ name: string; expires_at: Date | null }>(
        `select g.name, ug.expires_at from user_groups ug join groups g on g.id = ug.group_id
         where ug.user_id = ? order by g.name`,
        [userId],
      );
      return rows.map((row) => ({ group: row.name, expiresAt: row.expires_at }));
    },

    async setGrants({ groupIds, permissionIds }, context) {
      const actor = requireAdministrator(context, permission);
      const rights = await policies.forActor(actor, permission);
      const userIds = [...new Set([...groupIds.keys(), ...permissionIds.keys()])];
      const found = await query<{ id: string; isSuperuser: boolean }>(
        `select id, is_superuser as "isSuperuser" from users where id = any(?::uuid[])`,
        [userIds],
      );
      if (found.length < userIds.length) throw new Problem('NOT_FOUND');
      for (const user of found) rights.assertCanManage(user);
      await grants.setGroups(rights, groupIds);
      await grants.setPermissions(rights, permissionIds);
    },

    async grantToUser(userId, { groupId, permissionId, expiresAt }, context) {
      requireAdministrator(context, permission);
      await transaction(async () => {
        const held = await lockGrants(userId);
        if (await isRoot(groupId)) throw new Problem('PROTECTED');
        if (groupId !== undefined) {
          await setGroupMembership({ userId, groupId, expiresAt }, context);
        }
        if (permissionId !== undefined) {
          const permissionIds = [...held.permissionIds, permissionId];
          await updateUser(userId, { permissionIds }, context);
        }
      });
    },

    async revokeFromUser(userId, { groupId, permissionId }, context) {
      requireAdministrator(context, permission);
      await transaction(async () => {
        const held = await lockGrants(userId);
        if (held.isSuperuser && (await isRoot(groupId))) throw new Problem('PROTECTED');
        await updateUser(
          userId,
          {
            groupIds: groupId && without(held.groupIds, groupId, 'group'),
            permissionIds: permissionId && without(held.permissionIds, permissionId, 'permission'),
          },
          context,
        );
      });
    },
  };
}

function without(heldIds: readonly string[], id: string, path: string): string[] {
  if (heldIds.includes(id)) return heldIds.filter((each) => each !== id);
  const message = `The user does not hold this ${path}, or not directly.`;
  throw new Problem('NOT_FOUND', { fields: [{ path, message }] });
}
