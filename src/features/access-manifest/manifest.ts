/**
 * Parses an access manifest: the permissions, groups and grants that a file declares. Reports each fault with
 * its path in the file. Does not read the database.
 */
import { type FieldProblem, Problem } from '../../core/errors.ts';
import {
  parseCodename,
  parseDescription,
  parseEmail,
  parseFields,
  parseGroupName,
} from '../../core/parse.ts';

/** An attribute that the file leaves out does not change. A list replaces the current one. */
export interface AccessManifest {
  /** The name of each permission by its codename. */
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

/** The items of a list, each with its path in the file. */
export type ManifestList = ReadonlyMap<string, string>;

/** One key of a map in the file, with its value. */
interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly path: string;
}

/** The faults so far. Parsing goes on after a fault. */
type Faults = FieldProblem[];

/** @throws VALIDATION_FAILED with the path of each fault in the file */
export function parseManifest(raw: unknown): AccessManifest {
  const faults: Faults = [];
  const { permissions, groups, users } = readKnown(raw, '', {
    names: ['permissions', 'groups', 'users'],
    faults,
  });
  const manifest: AccessManifest = {
    permissions: readMap(permissions, parseCodename, faults, ({ value, path }) =>
      attempt(() => parseGroupName(value), path, faults),
    ),
    groups: readMap(groups, parseGroupName, faults, (entry) => readGroup(entry, faults)),
    users: readMap(users, parseEmail, faults, (entry) => readUser(entry, faults)),
  };
  if (faults.length > 0) throw new Problem('VALIDATION_FAILED', { fields: faults });
  return manifest;
}

/** The path of `key` below `path`, such as `users["ada@example.com"]`. */
export function pathOf(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

function readGroup({ value, path }: Entry, faults: Faults): ManifestGroup {
  const { description, permissions } = readKnown(value, path, {
    names: ['description', 'permissions'],
    faults,
  });
  return {
    ...optionalField('description', description, (entry) =>
      attempt(() => parseDescription(entry.value), entry.path, faults),
    ),
    ...optionalField('permissions', permissions, (entry) => readList(entry, parseCodename, faults)),
  };
}

function readUser({ value, path }: Entry, faults: Faults): ManifestUser {
  const { groups, permissions } = readKnown(value, path, {
    names: ['groups', 'permissions'],
    faults,
  });
  return {
    ...optionalField('groups', groups, (entry) => readList(entry, parseGroupName, faults)),
    ...optionalField('permissions', permissions, (entry) => readList(entry, parseCodename, faults)),
  };
}

/** `{name: value}` for an existing entry without a fault, and otherwise `{}`. */
function optionalField<Name extends string, Value>(
  name: Name,
  entry: Entry | undefined,
  read: (entry: Entry) => Value | undefined,
): { [Key in Name]?: Value } {
  const value = entry && read(entry);
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]?: Value }); // `name` is the only key
}

function readList(
  { value, path }: Entry,
  parse: (raw: unknown) => string,
  faults: Faults,
): ManifestList | undefined {
  if (!Array.isArray(value)) {
    faults.push({ path, message: 'Must be a list; [] is an empty one.' });
    return undefined;
  }
  const list = new Map<string, string>();
  value.forEach((raw: unknown, index) => {
    const itemPath = `${path}[${index}]`;
    const item = attempt(() => parse(raw), itemPath, faults);
    if (item !== undefined) list.set(item, itemPath);
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

/** The entries of a map with a fixed set of keys. */
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

/** The entries of a map; none for an empty value. */
function entriesOf(raw: unknown, path: string, faults: Faults): Entry[] {
  if (raw === undefined || raw === null) return [];
  if (typeof raw === 'object' && !Array.isArray(raw)) {
    return Object.entries(raw).map(([key, value]) => ({ key, value, path: pathOf(path, key) }));
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
