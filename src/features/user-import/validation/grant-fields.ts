/** Parsers of the groups and permissions of an imported person. */
import { parseCodename, parseGroupName } from '../../../core/parse.ts';
import { rootGroupName } from '../../access/access.entities.ts';
import { type FieldReader, isMissing, Refusal, tryParse } from './fields.ts';
import { parseIso } from './time-fields.ts';

export interface ImportedGroup {
  readonly name: string;
  readonly expiresAt: Date | null;
}

/** @throws Refusal for a value of another type, because the rights of the person are unknown */
export function parseGroups(
  reader: FieldReader,
  raw: unknown,
  { now, isSuperuser }: { readonly now: Date; readonly isSuperuser: boolean | undefined },
): readonly ImportedGroup[] | undefined {
  if (isMissing(raw)) return undefined;
  if (!Array.isArray(raw)) throw new Refusal('groups', 'Must be a list.');
  const groups = new Map<string, ImportedGroup>();
  for (const item of raw) {
    const group = parseGroup(reader, item, now);
    if (group === undefined) continue;
    if (group.name.toLowerCase() === rootGroupName.toLowerCase()) {
      // A trigger adds superusers to Root.
      if (!isSuperuser)
        reader.note('groups', 'Only superusers are in the group Root. It was left out.');
    } else groups.set(group.name, group);
  }
  return [...groups.values()];
}

function parseGroup(reader: FieldReader, item: unknown, now: Date): ImportedGroup | undefined {
  const { name, expiresAt = null } =
    typeof item === 'object' && item !== null
      ? (item as Partial<Record<string, unknown>>)
      : { name: item }; // read by name
  const parsed = tryParse(() => parseGroupName(name));
  if ('fault' in parsed) {
    reader.note('groups', 'A name of a group is not valid. The membership was left out.');
    return undefined;
  }
  if (isMissing(expiresAt)) return { name: parsed.value, expiresAt: null };
  const end = expiresAt instanceof Date ? expiresAt : parseIso(expiresAt);
  if (end !== undefined && end > now) return { name: parsed.value, expiresAt: end };
  const isOver = end !== undefined && end <= now;
  const fault = isOver ? 'A membership has ended.' : 'The end of a membership is not a time.';
  reader.note('groups', `${fault} It was left out.`);
  return undefined;
}

/** @throws Refusal for a value of another type */
export function parsePermissions(reader: FieldReader, raw: unknown): readonly string[] | undefined {
  if (isMissing(raw)) return undefined;
  if (!Array.isArray(raw)) throw new Refusal('permissions', 'Must be a list.');
  const codenames = new Set<string>();
  for (const item of raw) {
    const parsed = tryParse(() => parseCodename(item));
    if ('value' in parsed) codenames.add(parsed.value);
    else {
      reader.note('permissions', 'A codename of a permission is not valid. It was left out.');
    }
  }
  return [...codenames];
}
