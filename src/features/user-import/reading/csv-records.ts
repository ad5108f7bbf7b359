/**
 * Reads the rows of a CSV file with a header as objects, in bounded memory (RFC 4180; the separator can also be a
 * semicolon or a tab). Messages never contain text of rows.
 */
import { countText } from '../../../core/text.ts';
import type { SourceFault } from '../source.ts';
import { type CsvFault, type CsvRow, CsvRows } from './csv-rows.ts';
import { maxPersonBytes } from './lines.ts';
import type { SourceRecord } from './records.ts';
import { fileProblem, type OnChunk, readText } from './text-file.ts';

/**
 * The rows as objects with the names of the header, in batches. The position is the line that the row begins in. A
 * row that is too large, that has a quotation mark in a value without quotes, or another number of values than the
 * header, is a fault.
 *
 * @throws VALIDATION_FAILED for a file without the column email, or with quotes that leave the end of a row in doubt
 */
export async function* readCsvRecords(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<readonly (SourceRecord | SourceFault)[], void, undefined> {
  const header = await readCsvHeader(path);
  assertHeader(header);
  let isHeader = true;
  for await (const rows of readRows(path, onChunk)) {
    const people = isHeader ? rows.slice(1) : rows;
    if (rows.length > 0) isHeader = false;
    yield people.filter((row) => !isEmptyRow(row)).map((row) => toRecord(header, row));
  }
}

/** The names of the columns. @throws VALIDATION_FAILED for a name that is empty or there twice */
export async function readCsvHeader(path: string): Promise<readonly string[]> {
  for await (const [row] of readRows(path)) {
    if (row === undefined) continue;
    if (row.fault !== undefined) {
      throw fileProblem(
        `Line ${row.position}, the header, cannot be read. ${faultMessages[row.fault]}`,
      );
    }
    const names = row.values.map((name) => name.trim());
    const faulty = names.find((name, index) => name === '' || names.indexOf(name) !== index);
    if (faulty === undefined) return names;
    throw fileProblem(
      faulty === ''
        ? 'A column has no name. The first line must have the names of all columns.'
        : 'The header has a column twice.',
    );
  }
  throw fileProblem('The file is empty.');
}

/** Names that are safe to print. A file without a header has values of a person in its first line. */
const columnName = /^[A-Za-z_][\w .-]{0,40}$/;
const addressColumn = /^e[-_ ]?mail([-_ ]?address)?$/i;

/** Every format with columns has the addresses in the column `email`. */
function assertHeader(header: readonly string[]): void {
  if (header.includes('email')) return;
  const isPrintable = header.every((name) => columnName.test(name));
  const similar = header.find((name) => addressColumn.test(name));
  const found = similar !== undefined ? ` Rename the column "${similar}" to email.` : '';
  const shown = isPrintable ? ` The first line has: ${header.join(', ')}.` : '';
  throw fileProblem(
    'The column email is missing. The first line must be a header with the names of the columns, ' +
      `such as email,firstName,lastName,passwordHash.${found}${shown}`,
  );
}

/** Spreadsheets write rows of separators only after the last person. */
function isEmptyRow({ values, fault }: CsvRow): boolean {
  return fault === undefined && values.every((value) => value.trim() === '');
}

const faultMessages: Readonly<Record<CsvFault, string>> = {
  'too large': 'The row has more than 1 MiB.',
  'stray quote': 'The row has a quotation mark in a value without quotes.',
};
const quoteRemedy = 'Quote the value, and write a quotation mark inside of it twice.';
const countRemedy =
  'Quote a value that has the separator in it, and leave the place of a missing value empty.';

function toRecord(header: readonly string[], row: CsvRow): SourceRecord | SourceFault {
  const { position, lastLine, values, fault } = row;
  const isLong = lastLine > position;
  const end = isLong ? ` It ends in line ${lastLine}. Is a quotation mark missing?` : '';
  if (fault === 'stray quote') {
    return { position, message: faultMessages[fault], remedy: quoteRemedy };
  }
  if (fault !== undefined) return { position, message: `${faultMessages[fault]}${end}` };
  if (values.length === header.length) {
    return { position, value: Object.fromEntries(header.map((name, i) => [name, values[i]])) };
  }
  const count = countText(values.length, 'value', 'values');
  const message = `The row has ${count}, and the header has ${header.length}.${end}`;
  return { position, message, remedy: countRemedy };
}

async function* readRows(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<readonly CsvRow[], void, undefined> {
  const rows = new CsvRows(await delimiterOf(path), maxPersonBytes);
  for await (const bytes of readText(path, onChunk)) yield rows.read(bytes.toString('utf8'));
  yield rows.end();
}

const delimiters = [',', ';', '\t'] as const;

/** The delimiter that is most often in the first line. */
async function delimiterOf(path: string): Promise<string> {
  for await (const bytes of readText(path)) {
    const [line = ''] = bytes
      .toString('utf8')
      .trimStart()
      .split(/[\r\n]/, 1);
    const count = (delimiter: string) => line.split(delimiter).length;
    return delimiters.reduce((best, other) => (count(other) > count(best) ? other : best));
  }
  return ',';
}
