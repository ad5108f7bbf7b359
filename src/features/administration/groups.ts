/** Groups as administrators manage them. */
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
import type { Grants } from './grants.ts';
import type { ActorRights, ManagePolicies } from './policies.ts';
import { requireAdministrator, requireSomeField } from './policies.ts';

/** Everything raw; what is left out stays as it is. */
export interface GroupInput {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly permissionIds?: unknown;
}

export interface GroupAdministration {
  /** A name that another group had is for superusers. @throws ALREADY_EXISTS, FORBIDDEN, VALIDATION_FAILED */
  createGroup(input: GroupInput, context: RequestContext): Promise<Group>;
  /** Another name is for superusers. @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED */
  updateGroup(id: unknown, input: GroupInput, context: RequestContext): Promise<Group>;
  /** Superusers only for a group that the actor is in. @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deleteGroup(id: unknown, context: RequestContext): Promise<void>;
}

export function createGroupAdministration(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly grants: Grants;
  readonly policies: ManagePolicies;
}): GroupAdministration {
  const { em, transaction, lock, query } = parts.unitOfWork;

  const claim = async (rawId: unknown): Promise<Group> => {
    const id = parseId(rawId);
    const found =
      id === undefined
        ? null
        : await em.findOne(Group, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!found) throw new Problem('NOT_FOUND');
    if (found.name === rootGroupName) throw new Problem('PROTECTED');
    return found;
  };

  const requireFree = async (name: string, own?: Group) => {
    // Names that differ in case only look alike to people.
    await lock('gatehouse:group-names');
    const [other] = await query<{ id: string }>(
      'select id from groups where fold_case(name) = fold_case(?) and id is distinct from ?::uuid',
      [name, own?.id ?? null],
    );
    if (other) {
      throw new Problem('ALREADY_EXISTS', { fields: [{ path: 'name', message: 'Is taken.' }] });
    }
  };

  /** Applications go by names: one that another group had, in any case, comes back through a superuser only. */
  const requireNotRetired = async (rights: ActorRights, name: string) => {
    const isLike = 'fold_case(name) = fold_case(?)';
    const retired = await query(`select 1 from retired_group_names where ${isLike}`, [name]);
    if (retired.length === 0) return;
    rights.assertSuperuser();
    await query(`delete from retired_group_names where ${isLike}`, [name]);
  };

  const rename = async (rights: ActorRights, group: Group, name: string) => {
    if (name === group.name) return;
    rights.assertSuperuser();
    await requireFree(name, group);
    await requireNotRetired(rights, name);
    group.name = name;
  };

  return {
    async createGroup(input, context) {
      const actor = requireAdministrator(context, 'users.add_group');
      const { name, description, permissionIds } = parseGroup(input, parseGroupName);
      return transaction(async () => {
        const rights = await parts.policies.forActor(actor, 'users.add_group');
        await requireFree(name);
        await requireNotRetired(rights, name);
        const group = em.create(Group, { name, description: description ?? '' });
        await em.persist(group).flush();
        if (permissionIds) await parts.grants.setGroupPermissions(rights, group.id, permissionIds);
        return group;
      });
    },

    async updateGroup(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_group');
      requireSomeField(input);
      const { name, description, permissionIds } = parseGroup(input, (raw) =>
        optional(raw, parseGroupName),
      );
      return transaction(async () => {
        const rights = await parts.policies.forActor(actor, 'users.change_group');
        const group = await claim(id);
        if (name !== undefined) await rename(rights, group, name);
        group.description = description ?? group.description;
        if (permissionIds) await parts.grants.setGroupPermissions(rights, group.id, permissionIds);
        return group;
      });
    },

    async deleteGroup(id, context) {
      const actor = requireAdministrator(context, 'users.delete_group');
      await transaction(async () => {
        const rights = await parts.policies.forActor(actor, 'users.delete_group');
        const group = await claim(id);
        await parts.grants.requireNotMember(rights, group.id);
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
