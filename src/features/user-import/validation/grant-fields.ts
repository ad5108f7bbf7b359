/** Parsers of the groups and permissions of an imported person. */
import { parseCodename, parseGroupName } from '../../../core/parse.ts';
import { rootGroupName } from '../../access/access.entities.ts';
import { type FieldReader, isMissing, Refusal, tryParse } from './fields.ts';
import { printableName } from './names.ts';
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
  if (!Array.isArray(raw)) throw new Refusal('groups', 'Must be a list.', listRemedy);
  const groups = new Map<string, ImportedGroup>();
  for (const item of raw) {
    const group = parseGroup(reader, item, now);
    if (group === undefined) continue;
    if (isRoot(group.name)) {
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
    leaveOut(reader, 'groups', `group ${printableName(name)}`);
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

/** Whether the name is Root for the database (`fold_case`), such as in full-width letters. */
export function isRoot(groupName: string): boolean {
  return groupName.normalize('NFKC').toLowerCase() === rootGroupName.toLowerCase();
}

/** @throws Refusal for a value of another type */
export function parsePermissions(reader: FieldReader, raw: unknown): readonly string[] | undefined {
  if (isMissing(raw)) return undefined;
  if (!Array.isArray(raw)) throw new Refusal('permissions', 'Must be a list.', listRemedy);
  const codenames = new Set<string>();
  for (const item of raw) {
    const parsed = tryParse(() => parseCodename(item));
    if ('value' in parsed) codenames.add(parsed.value);
    else {
      leaveOut(reader, 'permissions', `permission ${printableName(item)}`);
    }
  }
  return [...codenames];
}

/** A name that the file has and that is not possible here. The person does not get it, because another name has other members. */
function leaveOut(reader: FieldReader, field: 'groups' | 'permissions', named: string): void {
  reader.note(
    field,
    `The ${named} was left out: its name is not possible here.`,
    'Rename it in the other system and export again, or give the person another one here.',
  );
}

const listRemedy = 'Write a list of names, such as ["Editors", "Writers"].';
