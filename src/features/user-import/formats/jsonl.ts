/**
 * Reads our own format, which the export writes: JSON Lines with one person in each line. docs/moving-people.md lists
 * the fields.
 */
import { readJsonLines } from '../reading/lines.ts';
import { type ConvertRecord, openRecords } from '../reading/records.ts';
import { makePerson } from '../reading/values.ts';
import type { OpenPeople, ReaderOptions, SourceField } from '../source.ts';

export const sourceFieldNames: readonly SourceField[] = [
  'externalId',
  'email',
  'username',
  'firstName',
  'lastName',
  'status',
  'isStaff',
  'isSuperuser',
  'passwordHash',
  'locale',
  'metadata',
  'createdAt',
  'lastLoginAt',
  'emailVerifiedAt',
  'groups',
  'permissions',
];

const known: ReadonlySet<string> = new Set(sourceFieldNames);

/** Each line is an object with fields of a person. Unknown fields are noted. */
export const openJsonl: OpenPeople = (path, options) =>
  openRecords(
    { read: (onChunk) => readJsonLines(path, onChunk), convert: convertLine(options) },
    options,
  );

/** The field for a name such as `first_name`. */
export function fieldOfSnakeCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function convertLine(options: ReaderOptions): ConvertRecord {
  return ({ position, value }, notes) => {
    const entries = Object.entries(value);
    for (const [name] of entries) {
      if (known.has(name) || name === 'id') continue; // our export writes the id, which cannot be imported
      notes.add(name, 'The field is not known and was ignored.', {
        remedy: remedyFor(name),
      });
    }
    const fields = Object.fromEntries(entries.filter(([name]) => known.has(name)));
    // The export writes null for an address that is not verified.
    const isVerified = value.emailVerifiedAt === null ? false : undefined;
    return makePerson(position, fields, { options, isVerified });
  };
}

function remedyFor(name: string): string {
  const field = fieldOfSnakeCase(name);
  return known.has(field) ? `Rename it to ${field}.` : 'Put it into metadata to keep it.';
}
