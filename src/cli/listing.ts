/** Lists of things: a table for people, CSV for spreadsheets, JSON for programs. */
import type { Argv } from 'yargs';
import { printable, printableJson } from '../core/text.ts';
import type { GlobalArguments } from './context.ts';
import type { Output } from './io.ts';
import { type Colour, createTable } from './table.ts';
import { UsageError } from './usage.ts';

const formats = ['table', 'csv', 'json'] as const;

export type Format = (typeof formats)[number];

export interface ListArguments extends GlobalArguments {
  readonly format: Format | undefined;
}

type Value = string | number | boolean | Date | null | readonly string[];

export interface Column<Row> {
  /** In CSV and JSON. */
  readonly name: string;
  /** In a table, which leaves out a column without one. */
  readonly title?: string;
  /** Never cut in a table: an id, which is copied. */
  readonly isWhole?: boolean;
  readonly value: (row: Row) => Value;
  readonly colour?: (row: Row) => Colour | undefined;
}

export function listOptions(argv: Argv<GlobalArguments>): Argv<ListArguments> {
  return argv.option('format', {
    choices: formats,
    requiresArg: true,
    describe: 'How to print the list; a table when left out',
  });
}

/** A number of things, as `parseLimit` reads it: the parser would make NaN of a word. */
export const limitOption = { type: 'string', requiresArg: true } as const;

/** @throws UsageError when it is no number, or less than 1 */
export function parseLimit(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError('--limit takes a number, 1 or more.');
}

/** @throws UsageError when `--json` and `--format` differ */
export function formatOf({ json, format }: ListArguments): Format {
  if (json && format !== undefined && format !== 'json') {
    throw new UsageError(`--json and --format ${format} exclude each other.`);
  }
  return json ? 'json' : (format ?? 'table');
}

/** Prints rows as they come, but a table, whose columns have to fit all of them. */
export async function printList<Row>(
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  columns: readonly Column<Row>[],
  { format, stdout }: { readonly format: Format; readonly stdout: Output },
): Promise<void> {
  const printers = { table: printTable, csv: printCsv, json: printJson };
  await printers[format](pages, columns, stdout);
}

async function printTable<Row>(
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  columns: readonly Column<Row>[],
  stdout: Output,
): Promise<void> {
  const rows: Row[] = [];
  for await (const page of pages) rows.push(...page);
  await write(`${tableOf(columns, stdout).textOf(rows)}\n`, stdout);
}

/** A table of such rows, for those that come in batches. */
export function tableOf<Row>(columns: readonly Column<Row>[], stdout: Output) {
  const shown = columns.flatMap(({ title, ...column }) =>
    title === undefined ? [] : [{ ...column, title }],
  );
  const table = createTable(shown, stdout);
  const cellsOf = (row: Row) =>
    shown.map(({ value, colour }) => ({
      text: printable(textOf(value(row))),
      colour: colour?.(row),
    }));
  return { textOf: (rows: readonly Row[]) => table.textOf(rows.map(cellsOf)) };
}

async function printCsv<Row>(
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  columns: readonly Column<Row>[],
  stdout: Output,
): Promise<void> {
  const csv = await csvOf(columns);
  if (!(await write(csv.titles, stdout))) return;
  for await (const page of pages) if (!(await write(csv.textOf(page), stdout))) return;
}

/** Lines of CSV for such rows, each with its line break. */
export async function csvOf<Row>(columns: readonly Column<Row>[]) {
  const { stringify } = await import('csv-stringify/sync');
  // A spreadsheet would run what begins like a formula (OWASP, CSV injection).
  const csv = (lines: string[][]) => stringify(lines, { escape_formulas: true });
  return {
    titles: csv([columns.map(({ name }) => name)]),
    textOf: (rows: readonly Row[]) =>
      csv(rows.map((row) => columns.map(({ value }) => printable(csvTextOf(value(row)))))),
  };
}

async function printJson<Row>(
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  columns: readonly Column<Row>[],
  stdout: Output,
): Promise<void> {
  let separator = '[';
  for await (const page of pages) {
    for (const row of page) {
      const json = printableJson(JSON.stringify(recordOf(row, columns)));
      if (!(await write(`${separator}${json}`, stdout))) return;
      separator = ',\n';
    }
  }
  await write(separator === '[' ? '[]\n' : ']\n', stdout);
}

/** A row as JSON has it. */
export function recordOf<Row>(row: Row, columns: readonly Column<Row>[]): Record<string, Value> {
  return Object.fromEntries(columns.map(({ name, value }) => [name, value(row)]));
}

/** Waits until the text is written; resolves to false when it could not be (see `watchOutput`). */
export function write(text: string, stdout: Output): Promise<boolean> {
  return new Promise((resolve) => {
    stdout.write(text, (error) => resolve(!error));
  });
}

function textOf(value: Value): string {
  if (value === true) return 'yes';
  if (value === false || value === null) return '';
  if (value instanceof Date) return shortTime(value);
  return typeof value === 'object' ? value.join(', ') : String(value);
}

function csvTextOf(value: Value): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? value.join(' ') : String(value);
}

/** To the second, in UTC. */
export function shortTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
