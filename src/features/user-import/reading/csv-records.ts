/**
 * Reads the rows of a CSV file with a header as objects, in bounded memory (RFC 4180; the separator can also be a
 * semicolon or a tab). Messages never contain text of rows.
 */
import { pipeline, Readable } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';
import type { SourceFault } from '../source.ts';
import { lineOfOpenQuote } from './csv-quotes.ts';
import { maxPersonBytes } from './lines.ts';
import type { SourceRecord } from './records.ts';
import { fileProblem, type OnChunk, readText } from './text-file.ts';

interface Row {
  readonly record: readonly string[];
  readonly info: Info;
}

const batchSize = 200;

/**
 * The rows as objects with the names of the header, in batches. The position is the line that the row begins in. A
 * row with another number of values than the header is a fault.
 *
 * @throws VALIDATION_FAILED for a file without the column email, with invalid quotes, or with a row that is too large
 */
export async function* readCsvRecords(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<readonly (SourceRecord | SourceFault)[], void, undefined> {
  const header = await readCsvHeader(path);
  assertHeader(header);
  const lines = new LineCounter();
  let batch: (SourceRecord | SourceFault)[] = [];
  let isHeader = true;
  for await (const row of readRows(path, onChunk)) {
    const position = lines.next(row);
    if (!isHeader && !isEmptyRow(row.record)) batch.push(toRecord(header, row.record, position));
    isHeader = false;
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** The names of the columns. @throws VALIDATION_FAILED for a name that is empty or there twice */
export async function readCsvHeader(path: string): Promise<readonly string[]> {
  for await (const { record } of readRows(path)) {
    const names = record.map((name) => name.trim());
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
function isEmptyRow(record: readonly string[]): boolean {
  return record.every((value) => value.trim() === '');
}

function toRecord(
  header: readonly string[],
  record: readonly string[],
  position: number,
): SourceRecord | SourceFault {
  if (record.length === header.length) {
    return { position, value: Object.fromEntries(header.map((name, i) => [name, record[i]])) };
  }
  const message = `The row has ${record.length} values, and the header has ${header.length}.`;
  const remedy =
    'Quote a value that has the separator in it, and leave the place of a missing value empty.';
  return { position, message, remedy };
}

async function* readRows(path: string, onChunk?: OnChunk): AsyncGenerator<Row> {
  const parser = parse({
    delimiter: await delimiterOf(path),
    info: true,
    max_record_size: maxPersonBytes,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  // A consumer that stops early destroys the parser, and with it the source, which closes the file.
  pipeline(Readable.from(readText(path, onChunk)), parser, () => undefined);
  try {
    yield* parser as AsyncIterable<Row>; // as: the rows of the option `info`
  } catch (error) {
    throw error instanceof CsvError ? await csvProblem(error, path) : error;
  }
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

const messages: Readonly<Record<string, string>> = {
  CSV_MAX_RECORD_SIZE: 'has more than 1 MiB. Is a quotation mark missing?',
  CSV_QUOTE_NOT_CLOSED: 'begins a quoted value that does not end. The file can be cut off.',
  CSV_INVALID_CLOSING_QUOTE: 'has text after a closing quotation mark. Write " as "".',
  INVALID_OPENING_QUOTE: 'has a quotation mark in a value without quotes. Quote the value.',
};

async function csvProblem(error: CsvError, path: string): Promise<Error> {
  const isOpen = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
  const opening = isOpen ? await lineOfOpenQuote(path, maxPersonBytes) : undefined;
  const line = opening ?? (typeof error.lines === 'number' ? error.lines : '?');
  return fileProblem(`Line ${line} ${messages[error.code] ?? 'is not valid CSV.'}`);
}

/** The line of each row. The parser counts a CRLF inside of quotes as two lines. */
class LineCounter {
  #excess = 0;

  next({ record, info }: Row): number {
    let breaks = 0;
    for (const value of record) {
      if (!/[\r\n]/.test(value)) continue;
      this.#excess += value.match(/\r\n/g)?.length ?? 0;
      breaks += value.match(/\r\n|\r|\n/g)?.length ?? 0;
    }
    return info.lines - this.#excess - breaks;
  }
}
