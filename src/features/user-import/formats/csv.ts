/**
 * Reads CSV with a header that has the names of our fields, also as `first_name`. Other columns go into metadata.
 * docs/moving-people.md describes the values.
 */
import { unescapeFormula } from '../../../core/formula.ts';
import { readCsvRecords } from '../reading/csv-records.ts';
import type { FileNotes } from '../reading/file-notes.ts';
import {
  type ConvertRecord,
  isObject,
  openRecords,
  type SourceObject,
} from '../reading/records.ts';
import { booleanOf, isSecretName, makePerson, metadataOf, parseJson } from '../reading/values.ts';
import type { OpenPeople, ReaderOptions, SourceField } from '../source.ts';
import { fieldNamed, fieldOfSnakeCase, secretRemedyFor, sourceFieldNames } from './jsonl.ts';

export const openCsv: OpenPeople = (path, options) =>
  openRecords(
    { read: (onChunk) => readCsvRecords(path, onChunk), convert: convertRow(options) },
    options,
  );

const fieldNames: ReadonlySet<string> = new Set(sourceFieldNames);

/** The field of a column; undefined for a column that is not one of ours. */
function fieldOfColumn(column: string): SourceField | undefined {
  const name = fieldOfSnakeCase(column);
  return fieldNames.has(name) ? (name as SourceField) : undefined; // as: one of the names
}

function convertRow(options: ReaderOptions): ConvertRecord {
  return ({ position, value }, fileNotes) => {
    const fields: Partial<Record<SourceField, unknown>> = {};
    for (const [column, text] of Object.entries(value)) {
      const field = fieldOfColumn(column);
      if (!field || typeof text !== 'string' || text === '') continue;
      const parsed = parseValue(field, unescapeFormula(text));
      if (parsed === undefined) {
        const { externalId = value.external_id, email } = value;
        return { position, message: `The ${field} are not valid JSON.`, externalId, email };
      }
      fields[field] = parsed;
    }
    const others = otherColumns(value, fileNotes);
    const metadata = withOthers(withoutColumns(fields.metadata, value), others);
    const person = metadata === undefined ? fields : { ...fields, metadata };
    const hasVerification = Object.keys(value).some(
      (column) => fieldOfColumn(column) === 'emailVerifiedAt',
    );
    // An empty value of the column means that the address is not verified.
    const isVerified = hasVerification ? fields.emailVerifiedAt !== undefined : undefined;
    return makePerson(position, person, { options, isVerified });
  };
}

/** The value of a text; undefined for JSON that is not valid. */
function parseValue(field: SourceField, text: string): unknown {
  if (field === 'isStaff' || field === 'isSuperuser') return booleanOf(text);
  if (field === 'metadata') return parseJson(text);
  if (field === 'groups' || field === 'permissions') {
    return text.trimStart().startsWith('[') ? parseJson(text) : listOf(text);
  }
  return text;
}

/** The names in a text such as `Editors; Writers`. */
function listOf(text: string): string[] {
  const names = text.split(';').map((name) => name.trim());
  return names.filter((name) => name !== '');
}

function otherColumns(row: SourceObject, notes: FileNotes): SourceObject | undefined {
  const kept = Object.entries(row).filter(([column, value]) => {
    if (fieldOfColumn(column) || column === 'id' || value === '') return false;
    const isSecret = isSecretName(column);
    const message = isSecret
      ? 'The column was left out: its name is that of a secret.'
      : 'The column went into metadata.';
    const meant = fieldNamed(column);
    const remedy = meant ? `Rename it to ${meant} if it is that.` : secretRemedyFor(column);
    notes.add(column, message, remedy === undefined ? {} : { remedy });
    return !isSecret;
  });
  return metadataOf(kept);
}

/** The metadata with values of other columns. Metadata that is no object stays for the validation. */
function withOthers(metadata: unknown, others: SourceObject | undefined): unknown {
  if (others === undefined) return metadata;
  if (metadata === undefined) return others;
  return isObject(metadata) ? { ...metadata, ...others } : metadata;
}

/** The metadata without the names of columns, which its values cannot replace. */
function withoutColumns(metadata: unknown, row: SourceObject): unknown {
  if (!isObject(metadata)) return metadata;
  const isOther = (name: string) =>
    Object.hasOwn(row, name) && fieldOfColumn(name) === undefined && name !== 'id';
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !isOther(name)));
}
