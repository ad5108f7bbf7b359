/**
 * Who shall hold what, as a file declares it. Reads the declaration and says at which place in it
 * something is wrong; knows nothing of what there is.
 */
import { type FieldProblem, Problem } from '../../core/errors.ts';
import {
  parseCodename,
  parseDescription,
  parseEmail,
  parseFields,
  parseGroupName,
} from '../../core/parse.ts';

/** Of each thing only what is given is owned; sets are owned whole. */
export interface AccessManifest {
  /** What people call a permission, by its code. */
  readonly permissions: ReadonlyMap<string, string>;
  readonly groups: ReadonlyMap<string, ManifestGroup>;
  /** By canonical address. */
  readonly users: ReadonlyMap<string, ManifestUser>;
}

export interface ManifestGroup {
  readonly description?: string;
  readonly permissions?: ManifestList;
}

export interface ManifestUser {
  readonly groups?: ManifestList;
  readonly permissions?: ManifestList;
}

/** What is listed, with the place where it is. */
export type ManifestList = ReadonlyMap<string, string>;

/** One key of a map in the file. */
interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly path: string;
}

/** Collects what is wrong instead of stopping at it. */
type Faults = FieldProblem[];

/** @throws VALIDATION_FAILED with the place in the file of everything that is wrong */
export function parseManifest(raw: unknown): AccessManifest {
  const faults: Faults = [];
  const { permissions, groups, users } = readKnown(raw, '', {
    names: ['permissions', 'groups', 'users'],
    faults,
  });
  const declared: AccessManifest = {
    permissions: readMap(permissions, parseCodename, faults, ({ value, path }) =>
      attempt(() => parseGroupName(value), path, faults),
    ),
    groups: readMap(groups, parseGroupName, faults, (entry) => readGroup(entry, faults)),
    users: readMap(users, parseEmail, faults, (entry) => readUser(entry, faults)),
  };
  if (faults.length > 0) throw new Problem('VALIDATION_FAILED', { fields: faults });
  return declared;
}

/** The place of `key` below `path`, such as `users["ada@example.com"]`. */
export function placeOf(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

function readGroup({ value, path }: Entry, faults: Faults): ManifestGroup {
  const { description, permissions } = readKnown(value, path, {
    names: ['description', 'permissions'],
    faults,
  });
  return {
    ...given('description', description, (entry) =>
      attempt(() => parseDescription(entry.value), entry.path, faults),
    ),
    ...given('permissions', permissions, (entry) => readList(entry, parseCodename, faults)),
  };
}

function readUser({ value, path }: Entry, faults: Faults): ManifestUser {
  const { groups, permissions } = readKnown(value, path, {
    names: ['groups', 'permissions'],
    faults,
  });
  return {
    ...given('groups', groups, (entry) => readList(entry, parseGroupName, faults)),
    ...given('permissions', permissions, (entry) => readList(entry, parseCodename, faults)),
  };
}

/** `{name: value}` for an entry that is there and can be read. */
function given<Name extends string, Value>(
  name: Name,
  entry: Entry | undefined,
  read: (entry: Entry) => Value | undefined,
): { [Key in Name]?: Value } {
  const value = entry && read(entry);
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]?: Value }); // by its name
}

function readList(
  { value, path }: Entry,
  parse: (raw: unknown) => string,
  faults: Faults,
): ManifestList | undefined {
  if (!Array.isArray(value)) {
    faults.push({ path, message: 'Must be a list; [] stands for none.' });
    return undefined;
  }
  const list = new Map<string, string>();
  value.forEach((raw: unknown, index) => {
    const place = `${path}[${index}]`;
    const item = attempt(() => parse(raw), place, faults);
    if (item !== undefined) list.set(item, place);
  });
  return list;
}

function readMap<Value>(
  section: Entry | undefined,
  parseKey: (raw: unknown) => string,
  faults: Faults,
  read: (entry: Entry) => Value | undefined,
): ReadonlyMap<string, Value> {
  const map = new Map<string, Value>();
  for (const entry of section ? entriesOf(section.value, section.path, faults) : []) {
    const key = attempt(() => parseKey(entry.key), entry.path, faults);
    const value = read(entry);
    if (key === undefined || value === undefined) continue;
    if (map.has(key)) faults.push({ path: entry.path, message: 'Is named twice.' });
    map.set(key, value);
  }
  return map;
}

/** The entries of a map that may have these only. */
function readKnown<Name extends string>(
  raw: unknown,
  path: string,
  { names, faults }: { readonly names: readonly Name[]; readonly faults: Faults },
): { [Key in Name]?: Entry } {
  const known: { [Key in Name]?: Entry } = {};
  for (const entry of entriesOf(raw, path, faults)) {
    const name = names.find((each) => each === entry.key);
    if (name !== undefined) known[name] = entry;
    else faults.push({ path: entry.path, message: `Is not known here: ${names.join(', ')}.` });
  }
  return known;
}

/** Of an empty place none. */
function entriesOf(raw: unknown, path: string, faults: Faults): Entry[] {
  if (raw === undefined || raw === null) return [];
  if (typeof raw === 'object' && !Array.isArray(raw)) {
    return Object.entries(raw).map(([key, value]) => ({ key, value, path: placeOf(path, key) }));
  }
  faults.push({ path: path || 'the file', message: 'Must be a map of names.' });
  return [];
}

function attempt<Value>(parse: () => Value, path: string, faults: Faults): Value | undefined {
  try {
    return parseFields({ [path]: parse })[path];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    faults.push(...error.fields);
    return undefined;
  }
}
