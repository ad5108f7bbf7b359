/**
 * Validates the groups and permissions that a file defines, before the import writes anything: a dry run and the import
 * get the same definitions. A text is cleaned. A group or permission with an impossible name is left out.
 */
import { maxLengths, maxListLength } from '../../../core/max-lengths.ts';
import { parseCodename, parseDescription, parseGroupName } from '../../../core/parse.ts';
import type { PeopleSource, SourceGroup, SourceNote, SourcePermission } from '../source.ts';
import { tryParse } from './fields.ts';
import { cleanText, printableName } from './names.ts';

type Definitions = Pick<PeopleSource, 'groups' | 'permissions'>;

/** The valid definitions, and notes about the changed and left out ones, with their names. */
export function parseDefinitions({ groups, permissions }: Definitions): Definitions & {
  readonly notes: readonly SourceNote[];
} {
  const notes: SourceNote[] = [];
  return {
    groups: groups.flatMap((group) => parseGroup(group, notes) ?? []),
    permissions: permissions.flatMap((permission) => parsePermission(permission, notes) ?? []),
    notes,
  };
}

function parseGroup(group: SourceGroup, notes: SourceNote[]): SourceGroup | undefined {
  const shown = printableName(group.name);
  const note = (message: string) => void notes.push({ field: 'groups', message });
  const name = tryParse(() => parseGroupName(group.name));
  if ('fault' in name) {
    const message = `The group ${shown} was left out. Its name is not possible here: ${name.fault}`;
    notes.push({ field: 'groups', message, remedy: renameRemedy });
    return undefined;
  }
  const codenames = (group.permissions ?? []).filter((codename) => isCodename(codename));
  if (codenames.length < (group.permissions?.length ?? 0)) {
    note(`The group ${shown} has permissions with an impossible codename. They were left out.`);
  }
  if (codenames.length > maxListLength) {
    note(
      `The group ${shown} has more than ${maxListLength} permissions. The others were left out.`,
    );
  }
  return {
    name: name.value,
    description: parseText(group.description ?? '', () => {
      note(
        `The description of the group ${shown} was changed: line breaks became spaces, or it was cut.`,
      );
    }),
    permissions: codenames.slice(0, maxListLength),
  };
}

function parseText(raw: string, onChange: () => void): string {
  const parsed = tryParse(() => parseDescription(raw.trim()));
  if ('value' in parsed) return parsed.value;
  onChange();
  const cleaned = tryParse(() => parseDescription(cleanText(raw, maxLengths.description)));
  return 'value' in cleaned ? cleaned.value : '';
}

function parsePermission(
  { codename, name }: SourcePermission,
  notes: SourceNote[],
): SourcePermission | undefined {
  const shown = printableName(codename);
  if (!isCodename(codename)) {
    const message = `The permission ${shown} was left out: its codename is not possible here.`;
    notes.push({ field: 'permissions', message, remedy: renameRemedy });
    return undefined;
  }
  const parsed = tryParse(() => parseGroupName(name));
  if ('value' in parsed) return { codename, name: parsed.value };
  const message = `The name of the permission ${shown} was changed: line breaks became spaces, or it was cut.`;
  notes.push({ field: 'permissions', message });
  const cleaned = tryParse(() => parseGroupName(cleanText(name, maxLengths.name)));
  return { codename, name: 'value' in cleaned ? cleaned.value : codename };
}

function isCodename(raw: string): boolean {
  return 'value' in tryParse(() => parseCodename(raw));
}

const renameRemedy =
  'Rename it in the other system and export again, or give the people another one here.';
