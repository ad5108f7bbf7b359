/** Applies an access manifest with the operations of administration, so that its policies hold. */

import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { UserGrants } from '../administration/grants/user-grants.ts';
import type { GroupAdministration } from '../administration/groups.ts';
import type { PermissionAdministration } from '../administration/permissions.ts';
import { requireAdministrator } from '../administration/policies.ts';
import { type AccessRows, loadAccess, lockAccess, namesIn } from './current-access.ts';
import { type AccessChange, diffManifest, wantedGroups } from './diff.ts';
import type { AccessManifest } from './manifest.ts';

export interface ManifestApply {
  /** The changes that `applyAccess` would make. @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED */
  compareAccess(manifest: AccessManifest, context: RequestContext): Promise<AccessChange[]>;
  /**
   * Changes the access to the state of the manifest, in one transaction, and returns the changes. Calls
   * `onProgress` with the number of changed permissions, groups and users, and with their total.
   *
   * @throws FORBIDDEN, PROTECTED, VALIDATION_FAILED
   */
  applyAccess(
    manifest: AccessManifest,
    context: RequestContext,
    onProgress?: (done: number, total: number) => void,
  ): Promise<AccessChange[]>;
}

export interface ManifestApplyDeps {
  readonly unitOfWork: UnitOfWork;
  readonly userGrants: Pick<UserGrants, 'setGrants'>;
  readonly groupAdministration: Pick<GroupAdministration, 'createGroup' | 'updateGroup'>;
  readonly permissionAdministration: Pick<
    PermissionAdministration,
    'createPermission' | 'updatePermission'
  >;
}

/** The number of users whose grants are written together. */
const userBatchSize = 500;

export function createManifestApply(deps: ManifestApplyDeps): ManifestApply {
  const { em, query, transaction, lock } = deps.unitOfWork;

  const applyPermission = async (codename: string, state: ApplyState) => {
    const name = state.manifest.permissions.get(codename);
    const id = state.rows.permissions.get(codename)?.id;
    const permission =
      id === undefined
        ? await deps.permissionAdministration.createPermission({ codename, name }, state.context)
        : await deps.permissionAdministration.updatePermission(id, { name }, state.context);
    state.rows.permissions.set(codename, permission);
  };

  const applyGroup = async (name: string, state: ApplyState) => {
    const { description, permissions } = state.manifest.groups.get(name) ?? {};
    const input = {
      description,
      permissionIds: permissions && idsOf(permissions.keys(), state.rows.permissions),
    };
    const group = state.rows.groups.get(name);
    if (group) {
      await deps.groupAdministration.updateGroup(group.id, input, state.context);
      return;
    }
    const { id } = await deps.groupAdministration.createGroup({ name, ...input }, state.context);
    state.rows.groups.set(name, { id, name, description: '', permissions: new Set() });
  };

  const applyUsers = async (emails: readonly string[], { manifest, rows, context }: ApplyState) => {
    const groupIds = new Map<string, string[]>();
    const permissionIds = new Map<string, string[]>();
    for (const email of emails) {
      const { groups, permissions } = manifest.users.get(email) ?? {};
      const user = requireRow(rows.users, email);
      if (groups) groupIds.set(user.id, idsOf(wantedGroups(groups, user), rows.groups));
      if (permissions) permissionIds.set(user.id, idsOf(permissions.keys(), rows.permissions));
    }
    await deps.userGrants.setGrants({ groupIds, permissionIds }, context);
  };

  const applySubject = async ({ of, name }: AccessChange, state: ApplyState): Promise<void> => {
    await (of === 'permission' ? applyPermission(name, state) : applyGroup(name, state));
    // A flush compares all loaded entities. Without them the transaction stays short.
    await em.flush();
    em.clear();
  };

  return {
    async compareAccess(manifest, context) {
      requireAdministrator(context, 'users.view_user');
      return diffManifest(manifest, await loadAccess(query, namesIn(manifest)));
    },

    async applyAccess(manifest, context, onProgress) {
      requireAdministrator(context, 'users.change_user');
      return transaction(async () => {
        await lock('gatehouse:access-declarations');
        const names = namesIn(manifest);
        await lockAccess(query, names);
        const rows = await loadAccess(query, names);
        const changes = diffManifest(manifest, rows);
        const subjects = subjectsOf(changes);
        const state = { manifest, rows, context };
        const emails = subjects.filter(({ of }) => of === 'user').map(({ name }) => name);
        const others = subjects.filter(({ of }) => of !== 'user');
        for (const [index, subject] of others.entries()) {
          await applySubject(subject, state);
          onProgress?.(index + 1, subjects.length);
        }
        for (let done = 0; done < emails.length; done += userBatchSize) {
          await applyUsers(emails.slice(done, done + userBatchSize), state);
          onProgress?.(
            Math.min(others.length + done + userBatchSize, subjects.length),
            subjects.length,
          );
        }
        return changes;
      });
    },
  };
}

/** The state that the steps share. */
interface ApplyState {
  readonly manifest: AccessManifest;
  readonly rows: AccessRows;
  readonly context: RequestContext;
}

/** The permissions, groups and users that change, each once, in the order of the changes. */
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
  if (row === undefined) throw new Error(`the manifest diff names ${name}, which does not exist`);
  return row;
}
