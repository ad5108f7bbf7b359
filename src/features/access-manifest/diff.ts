/** Compares a manifest with the current access: rejects an impossible manifest, or lists the changes. */
import { type FieldProblem, Problem } from '../../core/errors.ts';
import { rootGroupName } from '../access/access.entities.ts';
import { type AccessManifest, type ManifestList, pathOf } from './manifest.ts';

/** The current access of everything that the manifest names. */
export interface CurrentAccess {
  readonly permissions: ReadonlyMap<string, { readonly name: string; readonly isBuiltIn: boolean }>;
  readonly groups: ReadonlyMap<
    string,
    { readonly description: string; readonly permissions: ReadonlySet<string> }
  >;
  readonly users: ReadonlyMap<
    string,
    {
      readonly isSuperuser: boolean;
      /** The groups with a current membership. */
      readonly groups: ReadonlySet<string>;
      readonly permissions: ReadonlySet<string>;
    }
  >;
}

export type SubjectKind = 'permission' | 'group' | 'user';

/** One line of the diff, such as `+ user ada@example.com: group Support`. */
export interface AccessChange {
  readonly sign: '+' | '-' | '~';
  readonly of: SubjectKind;
  /** The codename of a permission, the name of a group or the address of a user. */
  readonly name: string;
  /** The attribute that changes; undefined for the creation of the subject. */
  readonly what?: 'name' | 'description' | 'permission' | 'group';
  readonly value?: string;
  readonly before?: string;
}

interface Fault extends FieldProblem {
  readonly isProtection?: boolean;
}

/** @throws VALIDATION_FAILED, PROTECTED with the path of each fault in the file */
export function diffManifest(manifest: AccessManifest, current: CurrentAccess): AccessChange[] {
  const faults = faultsOf(manifest, current);
  if (faults.length > 0) {
    const isProtection = faults.every((fault) => fault.isProtection);
    const fields = faults.map(({ path, message }) => ({ path, message }));
    throw new Problem(isProtection ? 'PROTECTED' : 'VALIDATION_FAILED', { fields });
  }
  return [
    ...permissionChanges(manifest, current),
    ...groupChanges(manifest, current),
    ...userChanges(manifest, current),
  ];
}

/** The groups that the user should have. A superuser stays in the Root group. */
export function wantedGroups(
  listed: ManifestList,
  user: { readonly isSuperuser: boolean; readonly groups: ReadonlySet<string> },
): ReadonlySet<string> {
  const keepsRoot = user.isSuperuser && user.groups.has(rootGroupName);
  return new Set([...listed.keys(), ...(keepsRoot ? [rootGroupName] : [])]);
}

function faultsOf(manifest: AccessManifest, current: CurrentAccess): Fault[] {
  const faults: Fault[] = [];
  const requirePermissions = (list: ManifestList | undefined) => {
    for (const [codename, path] of list ?? []) {
      const isKnown = current.permissions.has(codename) || manifest.permissions.has(codename);
      if (!isKnown) faults.push({ path, message: 'There is no such permission.' });
    }
  };

  for (const [codename, name] of manifest.permissions) {
    const permission = current.permissions.get(codename);
    if (permission?.isBuiltIn && permission.name !== name) {
      const path = pathOf('permissions', codename);
      faults.push({ path, message: 'Is built in; its name cannot change.', isProtection: true });
    }
  }
  for (const [name, group] of manifest.groups) {
    requirePermissions(group.permissions);
    if (name === rootGroupName) {
      const path = pathOf('groups', name);
      faults.push({ path, message: 'Is the group of superusers.', isProtection: true });
    }
  }
  for (const [email, user] of manifest.users) {
    requirePermissions(user.permissions);
    const account = current.users.get(email);
    if (!account) {
      faults.push({
        path: pathOf('users', email),
        message: 'There is no account with this address.',
      });
    }
    for (const [name, path] of user.groups ?? []) {
      const isKnown = current.groups.has(name) || manifest.groups.has(name);
      if (!isKnown) faults.push({ path, message: 'There is no such group.' });
      if (name === rootGroupName && !account?.groups.has(name)) {
        faults.push({ path, message: 'Is joined by superusers only.', isProtection: true });
      }
    }
  }
  return faults;
}

function permissionChanges(manifest: AccessManifest, current: CurrentAccess): AccessChange[] {
  return [...manifest.permissions].flatMap(([codename, name]): AccessChange[] => {
    const before = current.permissions.get(codename)?.name;
    if (before === name) return [];
    const subject = { of: 'permission', name: codename, what: 'name', value: name } as const;
    return before === undefined ? [{ sign: '+', ...subject }] : [{ sign: '~', ...subject, before }];
  });
}

function groupChanges(manifest: AccessManifest, current: CurrentAccess): AccessChange[] {
  return [...manifest.groups].flatMap(([name, { description, permissions }]) => {
    const subject = { of: 'group', name } as const;
    const group = current.groups.get(name);
    const changes: AccessChange[] = group ? [] : [{ sign: '+', ...subject }];
    const before = group?.description ?? '';
    if (description !== undefined && description !== before) {
      const what = { what: 'description', value: description } as const;
      changes.push(
        group ? { sign: '~', ...subject, ...what, before } : { sign: '+', ...subject, ...what },
      );
    }
    if (permissions) {
      const wanted = new Set(permissions.keys());
      changes.push(...setChanges(subject, 'permission', group?.permissions, wanted));
    }
    return changes;
  });
}

function userChanges(manifest: AccessManifest, current: CurrentAccess): AccessChange[] {
  return [...manifest.users].flatMap(([email, { groups, permissions }]) => {
    const subject = { of: 'user', name: email } as const;
    const user = current.users.get(email);
    if (!user) return []; // a fault of the manifest, reported above
    return [
      ...(groups ? setChanges(subject, 'group', user.groups, wantedGroups(groups, user)) : []),
      ...(permissions
        ? setChanges(subject, 'permission', user.permissions, new Set(permissions.keys()))
        : []),
    ];
  });
}

function setChanges(
  subject: { readonly of: SubjectKind; readonly name: string },
  what: 'permission' | 'group',
  held: ReadonlySet<string> = new Set(),
  wanted: ReadonlySet<string>,
): AccessChange[] {
  const change = (sign: '+' | '-') => (value: string) => ({ sign, ...subject, what, value });
  const added = [...wanted].filter((each) => !held.has(each)).sort();
  const removed = [...held].filter((each) => !wanted.has(each)).sort();
  return [...removed.map(change('-')), ...added.map(change('+'))];
}
