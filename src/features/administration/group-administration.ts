/** Groups as administrators manage them. */
import { LockMode } from '@mikro-orm/core';
import type { Context } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseDescription,
  parseFields,
  parseGroupName,
  parseId,
  parseIds,
} from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { Group, rootGroupName } from '../access/group.entity.ts';
import type { Grants } from './grants.ts';
import { requireAdministrator } from './rules.ts';

/** Everything raw; what is left out stays as it is. */
export interface GroupInput {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly permissionIds?: unknown;
}

export interface GroupAdministration {
  /** @throws ALREADY_EXISTS, FORBIDDEN, VALIDATION_FAILED */
  createGroup(input: GroupInput, context: Context): Promise<Group>;
  /** @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED */
  updateGroup(id: unknown, input: GroupInput, context: Context): Promise<Group>;
  /** @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deleteGroup(id: unknown, context: Context): Promise<void>;
}

export function createGroupAdministration(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly grants: Grants;
}): GroupAdministration {
  const { em, run, lock } = parts.unitOfWork;

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
    await lock(`group:${name}`);
    const other = await em.findOne(Group, { name });
    if (other && other.id !== own?.id) {
      throw new Problem('ALREADY_EXISTS', { fields: [{ path: 'name', message: 'Is taken.' }] });
    }
  };

  return {
    async createGroup(input, context) {
      const actor = requireAdministrator(context, 'users.add_group');
      const { name, description, permissionIds } = parseGroup(input, parseGroupName);
      return run(async () => {
        await requireFree(name);
        const group = em.create(Group, { name, description: description ?? '' });
        await em.persist(group).flush();
        if (permissionIds) await parts.grants.setGroupPermissions(actor, group.id, permissionIds);
        return group;
      });
    },

    async updateGroup(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_group');
      const { name, description, permissionIds } = parseGroup(input, (raw) =>
        optional(raw, parseGroupName),
      );
      return run(async () => {
        const group = await claim(id);
        if (name !== undefined) await requireFree(name, group);
        group.name = name ?? group.name;
        group.description = description ?? group.description;
        if (permissionIds) await parts.grants.setGroupPermissions(actor, group.id, permissionIds);
        return group;
      });
    },

    async deleteGroup(id, context) {
      requireAdministrator(context, 'users.delete_group');
      await run(async () => {
        em.remove(await claim(id));
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
