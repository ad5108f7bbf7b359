/** The operations of administrators that create, change and delete groups. */
import { LockMode } from '@mikro-orm/core';
import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseDescription,
  parseFields,
  parseGroupName,
  parseId,
  parseIds,
} from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { Group, rootGroupName } from '../access/access.entities.ts';
import type { Grants } from './grants/grants.ts';
import { assertSomeField } from './input.ts';
import { type ActorPolicies, type ActorRights, requireAdministrator } from './policies.ts';

/** Unparsed input. A field that is left out does not change. */
export interface GroupInput {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly permissionIds?: unknown;
}

export interface GroupAdministration {
  /** Only superusers take the former name of another group. @throws ALREADY_EXISTS, FORBIDDEN, VALIDATION_FAILED */
  createGroup(input: GroupInput, context: RequestContext): Promise<Group>;
  /** Only superusers change the name. @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED */
  updateGroup(id: unknown, input: GroupInput, context: RequestContext): Promise<Group>;
  /** Only superusers delete a group of their own. @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deleteGroup(id: unknown, context: RequestContext): Promise<void>;
}

export function createGroupAdministration(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly grants: Pick<Grants, 'assertNotMember' | 'setGroupPermissions'>;
  readonly policies: Pick<ActorPolicies, 'forActor'>;
}): GroupAdministration {
  const { em, transaction, lock, query } = deps.unitOfWork;

  const lockGroup = async (rawId: unknown): Promise<Group> => {
    const id = parseId(rawId);
    const found =
      id === undefined
        ? null
        : await em.findOne(Group, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!found) throw new Problem('NOT_FOUND');
    if (found.name === rootGroupName) throw new Problem('PROTECTED');
    return found;
  };

  const assertNameFree = async (name: string, group?: Group) => {
    // Readers do not distinguish names that differ in case only.
    await lock('gatehouse:group-names');
    const [other] = await query<{ id: string }>(
      'select id from groups where fold_case(name) = fold_case(?) and id is distinct from ?::uuid',
      [name, group?.id ?? null],
    );
    if (other) {
      throw new Problem('ALREADY_EXISTS', { fields: [{ path: 'name', message: 'Is taken.' }] });
    }
  };

  /** Applications decide by group names. Only a superuser reuses the former name of a group, in any case. */
  const assertNameNotRetired = async (rights: ActorRights, name: string) => {
    const isSameName = 'fold_case(name) = fold_case(?)';
    const retired = await query(`select 1 from retired_group_names where ${isSameName}`, [name]);
    if (retired.length === 0) return;
    rights.assertSuperuser();
    await query(`delete from retired_group_names where ${isSameName}`, [name]);
  };

  const rename = async (rights: ActorRights, group: Group, name: string) => {
    if (name === group.name) return;
    rights.assertSuperuser();
    await assertNameFree(name, group);
    await assertNameNotRetired(rights, name);
    group.name = name;
  };

  return {
    async createGroup(input, context) {
      const actor = requireAdministrator(context, 'users.add_group');
      const { name, description, permissionIds } = parseGroup(input, parseGroupName);
      return transaction(async () => {
        const rights = await deps.policies.forActor(actor, 'users.add_group');
        await assertNameFree(name);
        await assertNameNotRetired(rights, name);
        const group = em.create(Group, { name, description: description ?? '' });
        await em.persist(group).flush();
        if (permissionIds) await deps.grants.setGroupPermissions(rights, group.id, permissionIds);
        return group;
      });
    },

    async updateGroup(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_group');
      assertSomeField(input);
      const { name, description, permissionIds } = parseGroup(input, (raw) =>
        optional(raw, parseGroupName),
      );
      return transaction(async () => {
        const rights = await deps.policies.forActor(actor, 'users.change_group');
        const group = await lockGroup(id);
        if (name !== undefined) await rename(rights, group, name);
        group.description = description ?? group.description;
        if (permissionIds) await deps.grants.setGroupPermissions(rights, group.id, permissionIds);
        return group;
      });
    },

    async deleteGroup(id, context) {
      const actor = requireAdministrator(context, 'users.delete_group');
      await transaction(async () => {
        const rights = await deps.policies.forActor(actor, 'users.delete_group');
        const group = await lockGroup(id);
        await deps.grants.assertNotMember(rights, group.id);
        em.remove(group);
      });
    },
  };
}

function parseGroup<Name>(input: GroupInput, readName: (raw: unknown) => Name) {
  return parseFields({
    name: () => readName(input.name),
    description: () => optional(input.description, parseDescription),
    permissionIds: () => optional(input.permissionIds, parseIds),
  });
}
