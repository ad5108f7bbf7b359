/** Permissions as administrators manage them: codes of their own for their applications. */
import { LockMode } from '@mikro-orm/core';
import type { Actor, Context } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import { optional, parseCodename, parseFields, parseGroupName, parseId } from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { Permission } from '../access/permission.entity.ts';
import { requireAdministrator, requireHolds } from './rules.ts';

/** Everything raw; what is left out stays as it is. */
export interface PermissionInput {
  readonly codename?: unknown;
  readonly name?: unknown;
}

export interface PermissionAdministration {
  /** @throws ALREADY_EXISTS, FORBIDDEN, VALIDATION_FAILED */
  createPermission(input: PermissionInput, context: Context): Promise<Permission>;
  /** @throws ALREADY_EXISTS, FORBIDDEN, NOT_FOUND, PROTECTED, VALIDATION_FAILED */
  updatePermission(id: unknown, input: PermissionInput, context: Context): Promise<Permission>;
  /** @throws FORBIDDEN, NOT_FOUND, PROTECTED */
  deletePermission(id: unknown, context: Context): Promise<void>;
}

export function createPermissionAdministration({
  em,
  run,
  lock,
}: UnitOfWork): PermissionAdministration {
  const claim = async (rawId: unknown): Promise<Permission> => {
    const id = parseId(rawId);
    const found =
      id === undefined
        ? null
        : await em.findOne(Permission, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!found) throw new Problem('NOT_FOUND');
    if (found.isBuiltIn) throw new Problem('PROTECTED');
    return found;
  };

  const requireFree = async (codename: string, own?: Permission) => {
    await lock(`permission:${codename}`);
    const other = await em.findOne(Permission, { codename });
    if (other && other.id !== own?.id) {
      throw new Problem('ALREADY_EXISTS', { fields: [{ path: 'codename', message: 'Is taken.' }] });
    }
  };

  /** Whoever holds the row would hold what its new code stands for. */
  const requireMayRename = (actor: Actor, codename: string) => requireHolds(actor, [codename]);

  return {
    async createPermission(input, context) {
      requireAdministrator(context, 'users.add_permission');
      const { codename, name } = parseFields({
        codename: () => parseCodename(input.codename),
        name: () => parseGroupName(input.name),
      });
      return run(async () => {
        await requireFree(codename);
        const permission = em.create(Permission, { codename, name });
        await em.persist(permission).flush();
        return permission;
      });
    },

    async updatePermission(id, input, context) {
      const actor = requireAdministrator(context, 'users.change_permission');
      const { codename, name } = parseFields({
        codename: () => optional(input.codename, parseCodename),
        name: () => optional(input.name, parseGroupName),
      });
      return run(async () => {
        const permission = await claim(id);
        if (codename !== undefined && codename !== permission.codename) {
          requireMayRename(actor, codename);
          await requireFree(codename, permission);
          permission.codename = codename;
        }
        permission.name = name ?? permission.name;
        return permission;
      });
    },

    async deletePermission(id, context) {
      requireAdministrator(context, 'users.delete_permission');
      await run(async () => {
        em.remove(await claim(id));
      });
    },
  };
}
