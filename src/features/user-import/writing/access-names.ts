/** Finds groups and permissions by their names, and creates the missing ones as an administrator would. */
import { v7 as uuidv7 } from 'uuid';
import { Problem } from '../../../core/errors.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import type { GroupAdministration } from '../../administration/groups.ts';
import type { PermissionAdministration } from '../../administration/permissions.ts';
import type { Reason } from '../report.ts';
import type { PeopleSource, SourceGroup, SourcePermission } from '../source.ts';
import type { ImportedPerson } from '../validation/person.ts';
import { createCompareGroups } from './compare-groups.ts';

export interface AccessIds {
  readonly groups: ReadonlyMap<string, string>;
  readonly permissions: ReadonlyMap<string, string>;
}

export interface CreatedAccess {
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
}

/** The groups and permissions of one import. Not inside a transaction. */
export interface AccessNames {
  /** Creates the definitions of the file that do not exist. An existing group keeps its permissions, which is noted. */
  define(source: Pick<PeopleSource, 'groups' | 'permissions'>): Promise<void>;
  /** The ids of the groups and permissions of people. In a dry run the missing ones have made-up ids. */
  idsOf(people: readonly ImportedPerson[]): Promise<AccessIds>;
  /** Forgets the ids, because another process may have deleted a group or permission. */
  forget(): void;
  /** What was created, or in a dry run would be. */
  created(): CreatedAccess;
  /** What the operator should know about groups of the file. */
  notes(): readonly Reason[];
}

export interface AccessNamesDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
  readonly groupAdministration: Pick<GroupAdministration, 'createGroup'>;
  readonly permissionAdministration: Pick<PermissionAdministration, 'createPermission'>;
}

interface Found {
  readonly wanted: string;
  readonly id: string;
  readonly name: string;
}

const groupsSql = `
  select wanted.name as wanted, g.id, g.name from unnest(?::text[]) wanted (name)
  join groups g on fold_case(g.name) = fold_case(wanted.name)`;
const permissionsSql = `
  select codename as wanted, id, codename as name from permissions where codename = any(?::text[])`;

/** Creates it, unless another process has created it in the meantime. */
async function createUnlessTaken(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'ALREADY_EXISTS')) throw error;
  }
}

export function createAccessNames(
  { unitOfWork, groupAdministration, permissionAdministration }: AccessNamesDeps,
  context: RequestContext,
  isDryRun: boolean,
): AccessNames {
  const { query } = unitOfWork;
  const groupIds = new Map<string, string>();
  const permissionIds = new Map<string, string>();
  const created = { groups: new Set<string>(), permissions: new Set<string>() };
  const notes = new Map<string, Reason>();
  const compareGroups = createCompareGroups(unitOfWork);

  const note = (reason: string, remedy: string | null = null) =>
    notes.set(reason, { field: 'groups', reason, remedy });

  /** Adds the ids of existing ones, and returns the names without one. */
  const find = async (names: readonly string[], sql: string, ids: Map<string, string>) => {
    const unknown = [...new Set(names)].filter((name) => !ids.has(name));
    if (unknown.length === 0) return [];
    for (const { wanted, id, name } of await query<Found>(sql, [unknown])) {
      ids.set(wanted, id);
      if (name !== wanted) note(`The group "${wanted}" of the file is the group "${name}" here.`);
    }
    return unknown.filter((name) => !ids.has(name));
  };

  const noteRetiredName = async (name: string) => {
    const retired = await query(
      'select 1 from retired_group_names where fold_case(name) = fold_case(?)',
      [name],
    );
    if (retired.length === 0) return;
    note(
      `The group "${name}" has the name of a group that was deleted or renamed here.`,
      'Check that applications may give its members the rights of the former group.',
    );
  };

  const createPermissions = async (definitions: readonly SourcePermission[]) => {
    const missing = new Set(
      await find(
        definitions.map(({ codename }) => codename),
        permissionsSql,
        permissionIds,
      ),
    );
    for (const { codename, name } of definitions) {
      if (!missing.delete(codename)) continue;
      created.permissions.add(codename);
      if (isDryRun) {
        permissionIds.set(codename, uuidv7());
        continue;
      }
      await createUnlessTaken(() =>
        permissionAdministration.createPermission({ codename, name }, context),
      );
    }
    await find([...created.permissions], permissionsSql, permissionIds);
  };

  const createGroups = async (definitions: readonly SourceGroup[]) => {
    const missing = new Set(
      await find(
        definitions.map(({ name }) => name),
        groupsSql,
        groupIds,
      ),
    );
    for (const { name, description = '', permissions = [] } of definitions) {
      if (!missing.delete(name)) continue;
      if (!created.groups.has(name)) await noteRetiredName(name);
      created.groups.add(name);
      if (isDryRun) {
        groupIds.set(name, uuidv7());
        continue;
      }
      const ids = permissions.flatMap((codename) => permissionIds.get(codename) ?? []);
      await createUnlessTaken(() =>
        groupAdministration.createGroup({ name, description, permissionIds: ids }, context),
      );
    }
    await find([...created.groups], groupsSql, groupIds);
  };

  return {
    async define(source) {
      const codenames = source.groups.flatMap(({ permissions = [] }) => permissions);
      const named = codenames.map((codename) => ({ codename, name: codename }));
      await createPermissions([...source.permissions, ...named]);
      await createGroups(source.groups);
      const existing = source.groups.filter(({ name }) => !created.groups.has(name));
      for (const { reason, remedy } of await compareGroups(existing, groupIds))
        note(reason, remedy);
    },

    async idsOf(people) {
      const codenames = people.flatMap(({ permissions = [] }) => permissions);
      await createPermissions(codenames.map((codename) => ({ codename, name: codename })));
      await createGroups(people.flatMap(({ groups = [] }) => groups));
      return { groups: groupIds, permissions: permissionIds };
    },

    forget() {
      groupIds.clear();
      permissionIds.clear();
    },

    created: () => ({ groups: [...created.groups], permissions: [...created.permissions] }),

    notes: () => [...notes.values()],
  };
}
