/** One membership or one permission, given to a user or taken away, whatever else the user holds. */

import { Problem } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { rootGroupName } from '../access/access.entities.ts';
import { isCurrent } from '../access/access.ts';
import { requireAdministrator } from './policies.ts';
import type { UserAdministration } from './users.ts';

export interface NamedMembership {
  readonly group: string;
  /** When it stops counting; maybe it has already. */
  readonly expiresAt: Date | null;
}

/** Ids of what is given or taken; either may be left out. */
export interface GrantTarget {
  readonly groupId?: string | undefined;
  readonly permissionId?: string | undefined;
}

export interface SingleGrants {
  /** Memberships of a user by name, those that have ended included. @throws FORBIDDEN */
  membershipsOf(userId: string, context: RequestContext): Promise<NamedMembership[]>;
  /**
   * Gives; a membership that is there already gets the new end.
   *
   * @throws FORBIDDEN, NOT_FOUND, PROTECTED for the Root group, VALIDATION_FAILED
   */
  grantToUser(
    userId: string,
    grantTarget: GrantTarget & { readonly expiresAt?: Date | undefined },
    context: RequestContext,
  ): Promise<void>;
  /** @throws FORBIDDEN, NOT_FOUND for what is not held, PROTECTED for a superuser's Root group */
  revokeFromUser(userId: string, grantTarget: GrantTarget, context: RequestContext): Promise<void>;
}

interface Held {
  readonly isSuperuser: boolean;
  readonly groupIds: readonly string[];
  readonly permissionIds: readonly string[];
}

export function createSingleGrants(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly userAdministration: UserAdministration;
}): SingleGrants {
  const { query, transaction } = parts.unitOfWork;
  const { setGroupMembership, updateUser } = parts.userAdministration;

  /** What the user holds, and goes on to hold until the transaction ends. */
  const claimHeld = async (userId: string): Promise<Held> => {
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

  return {
    async membershipsOf(userId, context) {
      requireAdministrator(context, 'users.view_user');
      const rows = await query<{ name: string; expires_at: Date | null }>(
        `select g.name, ug.expires_at from user_groups ug join groups g on g.id = ug.group_id
         where ug.user_id = ? order by g.name`,
        [userId],
      );
      return rows.map((row) => ({ group: row.name, expiresAt: row.expires_at }));
    },

    async grantToUser(userId, { groupId, permissionId, expiresAt }, context) {
      requireAdministrator(context, 'users.change_user');
      await transaction(async () => {
        const held = await claimHeld(userId);
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
      requireAdministrator(context, 'users.change_user');
      await transaction(async () => {
        const held = await claimHeld(userId);
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

function without(held: readonly string[], id: string, path: string): string[] {
  if (held.includes(id)) return held.filter((each) => each !== id);
  const message = `The user does not hold this ${path}, or not directly.`;
  throw new Problem('NOT_FOUND', { fields: [{ path, message }] });
}
