/** What lies between declared and present access: refusals first, then every change by name. */
import { type FieldProblem, Problem } from '../../core/errors.ts';
import { rootGroupName } from '../access/access.entities.ts';
import { type AccessManifest, type ManifestList, placeOf } from './manifest.ts';

/** What there is, as far as a declaration speaks of it. */
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
      /** Those whose membership counts now. */
      readonly groups: ReadonlySet<string>;
      readonly permissions: ReadonlySet<string>;
    }
  >;
}

export type SubjectKind = 'permission' | 'group' | 'user';

/** One line of the difference, such as `+ user ada@example.com: group Support`. */
export interface AccessChange {
  readonly sign: '+' | '-' | '~';
  readonly of: SubjectKind;
  /** Code of a permission, name of a group, address of a user. */
  readonly name: string;
  /** What of it changes; none where the thing itself is made. */
  readonly what?: 'name' | 'description' | 'permission' | 'group';
  readonly value?: string;
  readonly before?: string;
}

interface Fault extends FieldProblem {
  readonly isProtection?: boolean;
}

/** @throws VALIDATION_FAILED, PROTECTED: with the place in the file of everything that cannot be */
export function diffManifest(declared: AccessManifest, present: CurrentAccess): AccessChange[] {
  const faults = faultsOf(declared, present);
  if (faults.length > 0) {
    const isProtection = faults.every((fault) => fault.isProtection);
    const fields = faults.map(({ path, message }) => ({ path, message }));
    throw new Problem(isProtection ? 'PROTECTED' : 'VALIDATION_FAILED', { fields });
  }
  return [
    ...permissionChanges(declared, present),
    ...groupChanges(declared, present),
    ...userChanges(declared, present),
  ];
}

/** The groups that a user is to be in; a superuser's Root is nobody's to take. */
export function wantedGroups(
  listed: ManifestList,
  user: { readonly isSuperuser: boolean; readonly groups: ReadonlySet<string> },
): ReadonlySet<string> {
  const isKept = user.isSuperuser && user.groups.has(rootGroupName);
  return new Set([...listed.keys(), ...(isKept ? [rootGroupName] : [])]);
}

function faultsOf(declared: AccessManifest, present: CurrentAccess): Fault[] {
  const faults: Fault[] = [];
  const requirePermissions = (list: ManifestList | undefined) => {
    for (const [codename, path] of list ?? []) {
      const isKnown = present.permissions.has(codename) || declared.permissions.has(codename);
      if (!isKnown) faults.push({ path, message: 'There is no such permission.' });
    }
  };

  for (const [codename, name] of declared.permissions) {
    const permission = present.permissions.get(codename);
    if (permission?.isBuiltIn && permission.name !== name) {
      const path = placeOf('permissions', codename);
      faults.push({ path, message: 'Is built in; its name stays.', isProtection: true });
    }
  }
  for (const [name, group] of declared.groups) {
    requirePermissions(group.permissions);
    if (name === rootGroupName) {
      const path = placeOf('groups', name);
      faults.push({ path, message: 'Is the group of superusers.', isProtection: true });
    }
  }
  for (const [email, user] of declared.users) {
    requirePermissions(user.permissions);
    const account = present.users.get(email);
    if (!account) {
      faults.push({ path: placeOf('users', email), message: 'Nobody has this address.' });
    }
    for (const [name, path] of user.groups ?? []) {
      const isKnown = present.groups.has(name) || declared.groups.has(name);
      if (!isKnown) faults.push({ path, message: 'There is no such group.' });
      if (name === rootGroupName && !account?.groups.has(name)) {
        faults.push({ path, message: 'Is joined by superusers only.', isProtection: true });
      }
    }
  }
  return faults;
}

function permissionChanges(declared: AccessManifest, present: CurrentAccess): AccessChange[] {
  return [...declared.permissions].flatMap(([codename, name]): AccessChange[] => {
    const before = present.permissions.get(codename)?.name;
    if (before === name) return [];
    const subject = { of: 'permission', name: codename, what: 'name', value: name } as const;
    return before === undefined ? [{ sign: '+', ...subject }] : [{ sign: '~', ...subject, before }];
  });
}

function groupChanges(declared: AccessManifest, present: CurrentAccess): AccessChange[] {
  return [...declared.groups].flatMap(([name, { description, permissions }]) => {
    const subject = { of: 'group', name } as const;
    const group = present.groups.get(name);
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

function userChanges(declared: AccessManifest, present: CurrentAccess): AccessChange[] {
  return [...declared.users].flatMap(([email, { groups, permissions }]) => {
    const subject = { of: 'user', name: email } as const;
    const user = present.users.get(email);
    if (!user) return []; // refused above
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
