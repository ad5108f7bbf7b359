/** Brings groups, permissions and grants to a declared state, by the operations of every other door. */

import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { isCurrent } from '../access/access.ts';
import type { UserGrants } from '../administration/grants/user-grants.ts';
import type { GroupAdministration } from '../administration/groups.ts';
import type { PermissionAdministration } from '../administration/permissions.ts';
import { requireAdministrator } from '../administration/policies.ts';
import { type AccessChange, type CurrentAccess, diffManifest, wantedGroups } from './diff.ts';
import type { AccessManifest, ManifestList } from './manifest.ts';

export interface ManifestApply {
  /** The changes that `applyAccess` would make now. @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED */
  compareAccess(declared: AccessManifest, context: RequestContext): Promise<AccessChange[]>;
  /**
   * Makes the declared state so, in one transaction, and answers what it changed. `onProgress` is
   * called with how many of all permissions, groups and users to change are done.
   *
   * @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED
   */
  applyAccess(
    declared: AccessManifest,
    context: RequestContext,
    onProgress?: (done: number, all: number) => void,
  ): Promise<AccessChange[]>;
}

export interface AccessDeclarationsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly userGrants: Pick<UserGrants, 'setGrants'>;
  readonly groupAdministration: GroupAdministration;
  readonly permissionAdministration: PermissionAdministration;
}

interface PermissionRow {
  readonly id: string;
  readonly codename: string;
  readonly name: string;
  readonly isBuiltIn: boolean;
}

interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly permissions: ReadonlySet<string>;
}

interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly isSuperuser: boolean;
  readonly groups: ReadonlySet<string>;
  readonly permissions: ReadonlySet<string>;
}

/** Present access with the ids behind the names. */
interface Rows extends CurrentAccess {
  readonly permissions: Map<string, PermissionRow>;
  readonly groups: Map<string, GroupRow>;
  readonly users: ReadonlyMap<string, UserRow>;
}

interface Names {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
}

/** Users whose grants are written together. */
const usersAtOnce = 500;

const listed = 'in (select jsonb_array_elements_text(?::jsonb))';

/** In the order in which `updateUser` and `updateGroup` come by the same locks. */
const locks = [
  ['users', `select 1 from users where email ${listed} order by id for update`],
  ['groups', `select 1 from groups where name ${listed} order by id for no key update`],
  ['permissions', `select 1 from permissions where codename ${listed} order by id for key share`],
] as const;

export function createManifestApply(parts: AccessDeclarationsDeps): ManifestApply {
  const { em, query, transaction, lock } = parts.unitOfWork;

  const loadPermissions = async (codenames: readonly string[]) =>
    new Map(
      (
        await query<PermissionRow>(
          `select id, codename, name, is_built_in as "isBuiltIn" from permissions
           where codename ${listed}`,
          [JSON.stringify(codenames)],
        )
      ).map((row) => [row.codename, row]),
    );

  const loadGroups = async (names: readonly string[]) => {
    const rows = await query<Omit<GroupRow, 'permissions'> & { permissions: string[] }>(
      `select g.id, g.name, g.description, array(
         select p.codename from group_permissions gp join permissions p on p.id = gp.permission_id
         where gp.group_id = g.id) as permissions
       from groups g where g.name ${listed}`,
      [JSON.stringify(names)],
    );
    return new Map(
      rows.map((row) => [row.name, { ...row, permissions: new Set(row.permissions) }]),
    );
  };

  const loadUsers = async (emails: readonly string[]) => {
    const rows = await query<
      Omit<UserRow, 'groups' | 'permissions'> & { groups: string[]; permissions: string[] }
    >(
      `select u.id, u.email, u.is_superuser as "isSuperuser", array(
         select g.name from user_groups ug join groups g on g.id = ug.group_id
         where ug.user_id = u.id and ${isCurrent('ug')}) as groups,
       array(
         select p.codename from user_permissions up join permissions p on p.id = up.permission_id
         where up.user_id = u.id) as permissions
       from users u where u.email ${listed}`,
      [JSON.stringify(emails)],
    );
    return new Map(
      rows.map((row) => [
        row.email,
        { ...row, groups: new Set(row.groups), permissions: new Set(row.permissions) },
      ]),
    );
  };

  /** A superuser's Root and the groups of users are looked up as well, for their ids. */
  const load = async (names: Names): Promise<Rows> => {
    const users = await loadUsers(names.users);
    const held = [...users.values()].flatMap(({ groups }) => [...groups]);
    return {
      users,
      groups: await loadGroups([...new Set([...names.groups, ...held])]),
      permissions: await loadPermissions(names.permissions),
    };
  };

  const applyPermission = async (codename: string, found: Found) => {
    const name = found.declared.permissions.get(codename);
    const id = found.rows.permissions.get(codename)?.id;
    const permission =
      id === undefined
        ? await parts.permissionAdministration.createPermission({ codename, name }, found.context)
        : await parts.permissionAdministration.updatePermission(id, { name }, found.context);
    found.rows.permissions.set(codename, permission);
  };

  const applyGroup = async (name: string, found: Found) => {
    const { description, permissions } = found.declared.groups.get(name) ?? {};
    const input = {
      description,
      permissionIds: permissions && idsOf(permissions.keys(), found.rows.permissions),
    };
    const group = found.rows.groups.get(name);
    if (group) {
      await parts.groupAdministration.updateGroup(group.id, input, found.context);
      return;
    }
    const { id } = await parts.groupAdministration.createGroup({ name, ...input }, found.context);
    found.rows.groups.set(name, { id, name, description: '', permissions: new Set() });
  };

  const applyUsers = async (emails: readonly string[], { declared, rows, context }: Found) => {
    const groupIds = new Map<string, string[]>();
    const permissionIds = new Map<string, string[]>();
    for (const email of emails) {
      const { groups, permissions } = declared.users.get(email) ?? {};
      const user = requireRow(rows.users, email);
      if (groups) groupIds.set(user.id, idsOf(wantedGroups(groups, user), rows.groups));
      if (permissions) permissionIds.set(user.id, idsOf(permissions.keys(), rows.permissions));
    }
    await parts.userGrants.setGrants({ groupIds, permissionIds }, context);
  };

  const applySubject = async ({ of, name }: AccessChange, found: Found): Promise<void> => {
    await (of === 'permission' ? applyPermission(name, found) : applyGroup(name, found));
    // A flush compares all entities that are known: forgotten ones keep the transaction short.
    await em.flush();
    em.clear();
  };

  return {
    async compareAccess(declared, context) {
      requireAdministrator(context, 'users.view_user');
      return diffManifest(declared, await load(namesIn(declared)));
    },

    async applyAccess(declared, context, onProgress) {
      requireAdministrator(context, 'users.change_user');
      return transaction(async () => {
        await lock('gatehouse:access-declarations');
        const names = namesIn(declared);
        for (const [kind, sql] of locks) await query(sql, [JSON.stringify(names[kind])]);
        const rows = await load(names);
        const changes = diffManifest(declared, rows);
        const subjects = subjectsOf(changes);
        const found = { declared, rows, context };
        const emails = subjects.filter(({ of }) => of === 'user').map(({ name }) => name);
        const others = subjects.filter(({ of }) => of !== 'user');
        for (const [index, subject] of others.entries()) {
          await applySubject(subject, found);
          onProgress?.(index + 1, subjects.length);
        }
        for (let done = 0; done < emails.length; done += usersAtOnce) {
          await applyUsers(emails.slice(done, done + usersAtOnce), found);
          onProgress?.(
            Math.min(others.length + done + usersAtOnce, subjects.length),
            subjects.length,
          );
        }
        return changes;
      });
    },
  };
}

/** What each step of an application goes by. */
interface Found {
  readonly declared: AccessManifest;
  readonly rows: Rows;
  readonly context: RequestContext;
}

/** Everything that the declaration names, where it is declared and where it is referred to. */
function namesIn({ permissions, groups, users }: AccessManifest): Names {
  const listsOf = (lists: readonly (ManifestList | undefined)[]) =>
    lists.flatMap((list) => (list ? [...list.keys()] : []));
  const owners = [...groups.values(), ...users.values()];
  const codenames = listsOf(owners.map((owner) => owner.permissions));
  const groupNames = listsOf([...users.values()].map((user) => user.groups));
  return {
    users: [...users.keys()],
    groups: [...new Set([...groups.keys(), ...groupNames])],
    permissions: [...new Set([...permissions.keys(), ...codenames])],
  };
}

/** What changes, each once, in the order of the changes: permissions, groups, users. */
function subjectsOf(changes: readonly AccessChange[]) {
  const byKey = new Map(changes.map((change) => [`${change.of} ${change.name}`, change]));
  return [...byKey.values()];
}

function idsOf(
  names: Iterable<string>,
  rows: ReadonlyMap<string, { readonly id: string }>,
): string[] {
  return [...names].map((name) => requireRow(rows, name).id);
}

function requireRow<Row>(rows: ReadonlyMap<string, Row>, name: string): Row {
  const row = rows.get(name);
  if (row === undefined) throw new Error(`a difference with ${name}, which is not there`);
  return row;
}
