/**
 * Reads our own format, which the export writes: JSON Lines with one person in each line. docs/moving-people.md lists
 * the fields.
 */
import { readJsonLines } from '../reading/lines.ts';
import { type ConvertRecord, openRecords } from '../reading/records.ts';
import { isAbsent, isSecretName, makePerson } from '../reading/values.ts';
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
    const isMisnamed = entries.some(([name]) => name !== 'email' && fieldNamed(name) === 'email');
    if (isMisnamed && isAbsent(value.email)) {
      const message = 'The person has no address: the field must be named email, in lower case.';
      const remedy = 'Rename the field in the file, and import it again.';
      return { position, message, remedy, externalId: value.externalId };
    }
    // The export writes null for an address that is not verified.
    const isVerified = value.emailVerifiedAt === null ? false : undefined;
    return makePerson(position, fields, { options, isVerified });
  };
}

function remedyFor(name: string): string {
  const field = fieldNamed(name);
  if (field !== undefined) return `Rename it to ${field}.`;
  return secretRemedyFor(name) ?? 'Put it into metadata to keep it.';
}

/** The field that a name means, such as `first_name` or `EMAIL`. */
export function fieldNamed(name: string): SourceField | undefined {
  const plain = (text: string) => text.replace(/[_ -]/g, '').toLowerCase();
  return sourceFieldNames.find((field) => plain(field) === plain(name));
}

/** What to do with a field or column of a secret; undefined for another name. */
export function secretRemedyFor(name: string): string | undefined {
  if (/^(plain_?)?(password|passwd|pwd)$/i.test(name)) {
    return 'Passwords in plain text are not imported. If the values are hashes, name it passwordHash.';
  }
  return isSecretName(name)
    ? 'Secrets do not belong into metadata: the owner of the account can read it.'
    : undefined;
}
