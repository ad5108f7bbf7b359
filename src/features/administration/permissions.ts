/** The operations of administrators that create, change and delete the permissions of their applications. */

import { LockMode } from '@mikro-orm/core';
import { Problem } from '../../core/errors.ts';
import { optional, parseCodename, parseFields, parseGroupName, parseId } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { Permission } from '../access/access.entities.ts';
import { isCurrent } from '../access/access.ts';
import { assertSomeField } from './input.ts';
import { type ActorPolicies, type ActorRights, requireAdministrator } from './policies.ts';

/** Unparsed input. A field that is left out does not change. */
export interface PermissionInput {
  readonly codename?: unknown;
  readonly name?: unknown;
}

export interface PermissionAdministration {
  /**
   * For a codename with a `*` the actor must hold every permission that it matches, without an end.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, VALIDATION_FAILED
   */
  createPermission(input: PermissionInput, context: RequestContext): Promise<Permission>;
  /**
   * To change the codename, the actor must hold the new one without an end, and must not hold this
   * permission.
   *
   * @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED
   */
  updatePermission(
    id: unknown,
    input: PermissionInput,
    context: RequestContext,
  ): Promise<Permission>;
  /** @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deletePermission(id: unknown, context: RequestContext): Promise<void>;
}

export function createPermissionAdministration(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly policies: Pick<ActorPolicies, 'forActor'>;
}): PermissionAdministration {
  const { em, transaction, lock, query } = deps.unitOfWork;

  const lockPermission = async (rawId: unknown): Promise<Permission> => {
    const id = parseId(rawId);
    const found =
      id === undefined
        ? null
        : await em.findOne(Permission, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!found) throw new Problem('NOT_FOUND');
    if (found.isBuiltIn) throw new Problem('PROTECTED');
    return found;
  };

  const assertCodenameFree = async (codename: string, permission?: Permission) => {
    await lock(`permission:${codename}`);
    const other = await em.findOne(Permission, { codename });
    if (other && other.id !== permission?.id) {
      throw new Problem('ALREADY_EXISTS', { fields: [{ path: 'codename', message: 'Is taken.' }] });
    }
  };

  /** Every holder of the permission gets the new codename, without an end. */
  const assertCanChangeCodename = async (rights: ActorRights, id: string, codename: string) => {
    rights.assertHolds([{ codename, until: null }]);
    const own = await query(
      `select 1 from user_permissions where user_id = ? and permission_id = ?
       union all
       select 1 from user_groups ug join group_permissions gp on gp.group_id = ug.group_id
       where ug.user_id = ? and gp.permission_id = ?
         and ${isCurrent('ug')}
       union all
       select 1 from service_account_permissions where service_account_id = ? and permission_id = ?
       union all
       select 1 from service_account_groups sg join group_permissions gp on gp.group_id = sg.group_id
       where sg.service_account_id = ? and gp.permission_id = ?`,
      new Array(4).fill([rights.actorId, id]).flat(),
    );
    if (own.length > 0) rights.assertNotSelf(rights.actorId);
  };

  return {
    async createPermission(input, context) {
      const actor = requireAdministrator(context, 'users.add_permission');
      const { codename, name } = parseFields({
        codename: () => parseCodename(input.codename),
        name: () => parseGroupName(input.name),
      });
      return transaction(async () => {
        const rights = await deps.policies.forActor(actor, 'users.add_permission');
        if (codename.includes('*')) rights.assertHolds([{ codename, until: null }]);
        await assertCodenameFree(codename);
        const permission = em.create(Permission, { codename, name });
        await em.persist(permission).flush();
        return permission;
      });
    },

    async updatePermission(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_permission');
      assertSomeField(input);
      const { codename, name } = parseFields({
        codename: () => optional(input.codename, parseCodename),
        name: () => optional(input.name, parseGroupName),
      });
      return transaction(async () => {
        const rights = await deps.policies.forActor(actor, 'users.change_permission');
        const permission = await lockPermission(id);
        if (codename !== undefined && codename !== permission.codename) {
          await assertCanChangeCodename(rights, permission.id, codename);
          await assertCodenameFree(codename, permission);
          permission.codename = codename;
        }
        permission.name = name ?? permission.name;
        return permission;
      });
    },

    async deletePermission(id, context) {
      const actor = requireAdministrator(context, 'users.delete_permission');
      await transaction(async () => {
        await deps.policies.forActor(actor, 'users.delete_permission');
        em.remove(await lockPermission(id));
      });
    },
  };
}
