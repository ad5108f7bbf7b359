/** Groups and permissions of a Django dump by their names, from references by number or by natural key. */
import { fileProblem } from '../reading/text-file.ts';
import type { SourceGroup, SourcePermission } from '../source.ts';
import {
  type DumpModel,
  type DumpPermission,
  type DumpReference,
  type DumpSurvey,
  isNaturalKey,
  keyOf,
} from './django-dump.ts';

export interface DjangoAccess {
  readonly groups: readonly SourceGroup[];
  readonly permissions: readonly SourcePermission[];
  /** The name of a group; undefined if the dump does not have the group. */
  groupName(reference: DumpReference): string | undefined;
  /** The codename of a permission, such as `shop.view_order`; undefined if the dump does not have it. */
  codename(reference: DumpReference): string | undefined;
}

/** The permissions of these apps are about Django itself. They are created only if somebody holds them. */
const appsOfDjango = new Set(['admin', 'auth', 'contenttypes', 'sessions', 'sites', 'messages']);

/** @throws VALIDATION_FAILED for a dump that refers to models that it does not have */
export function djangoAccess(survey: DumpSurvey, people: DumpModel): DjangoAccess {
  const named = new Map<string, { readonly app: string; readonly permission: DumpPermission }>();
  const byKey = new Map<string, string>();
  for (const permission of survey.permissions) {
    const app = appOf(permission, survey);
    const codename = codenameOf(app, permission.codename);
    if (!named.has(codename)) named.set(codename, { app, permission });
    if (permission.pk !== undefined) byKey.set(keyOf(permission.pk), codename);
  }
  const resolve = (reference: DumpReference): string | undefined => {
    if (isNaturalKey(reference, 3)) return codenameOf(reference[1], reference[0]);
    if (survey.permissions.length === 0) throw missing('auth.permission', 'contenttypes');
    return byKey.get(keyOf(reference));
  };
  const groups = survey.groups.map((group): SourceGroup => {
    const description =
      survey.descriptions.get(keyOf(group.pk)) ?? survey.descriptions.get(keyOf([group.name]));
    const permissions = present(group.permissions.map(resolve));
    return { name: group.name, permissions, ...(description && { description }) };
  });
  const held = new Set([
    ...groups.flatMap(({ permissions = [] }) => permissions),
    ...present([...people.permissions.values()].map(resolve)),
  ]);
  const groupNames = new Map(survey.groups.map(({ pk, name }) => [keyOf(pk), name]));
  const groupNameOf = (reference: DumpReference): string | undefined => {
    if (isNaturalKey(reference, 1)) return reference[0];
    if (groupNames.size === 0) throw missing('auth.group');
    return groupNames.get(keyOf(reference));
  };
  for (const reference of people.groups.values()) groupNameOf(reference); // throws before anything is written
  return {
    groups,
    permissions: definitions(named, held),
    codename: resolve,
    groupName: groupNameOf,
  };
}

/** A `*` would match other permissions here. */
function codenameOf(app = '', codename = ''): string {
  return `${app}.${codename}`.replaceAll('*', '_');
}

function definitions(
  named: ReadonlyMap<string, { readonly app: string; readonly permission: DumpPermission }>,
  held: ReadonlySet<string>,
): SourcePermission[] {
  const found = [...named]
    .filter(([codename, { app }]) => held.has(codename) || !appsOfDjango.has(app))
    .map(([codename, { permission }]) => ({ codename, name: permission.name }));
  const undefinedOnes = [...held].filter((codename) => !named.has(codename));
  return [...found, ...undefinedOnes.map((codename) => ({ codename, name: codename }))];
}

function appOf({ contentType }: DumpPermission, { contentTypes }: DumpSurvey): string {
  if (isNaturalKey(contentType, 2)) return contentType[0] ?? '';
  const app = contentTypes.get(keyOf(contentType));
  if (app === undefined) throw missing('contenttypes');
  return app;
}

function missing(...models: readonly string[]): Error {
  return fileProblem(
    `The dump refers to objects of ${models.join(' and ')} that it does not have. ` +
      'Dump them together with the people: ' +
      'manage.py dumpdata auth.permission auth.group contenttypes <the model of people>.',
  );
}

function present(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}
