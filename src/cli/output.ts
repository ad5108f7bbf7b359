/**
 * Results of commands. A list is a table for people, CSV for spreadsheets or JSON for programs; other
 * results are text or JSON.
 */
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import type { JsonObject } from '../core/json.ts';
import { printable, printableJson } from '../core/text.ts';
import type { Connection } from '../database/pagination/connection.ts';
import type { Format, GlobalArguments } from './arguments.ts';
import { type Output, printLine } from './io.ts';

/** Prints the text of a result, or its JSON with `--json`. */
export function print(
  result: { readonly text: string; readonly json: object },
  { json, terminal }: GlobalArguments,
): void {
  printLine(terminal, json ? printableJson(JSON.stringify(result.json)) : result.text);
}

export type Color = 'green' | 'yellow' | 'red';

/** The text without control characters, in a color at a terminal. NO_COLOR switches colors off. */
export function colorize(style: Color | 'bold' | undefined, text: string, stdout: Output): string {
  const shown = printable(text);
  return style === undefined ? shown : styleText(style, shown, { stream: stdout });
}

/** A time in UTC, without fractions of a second. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

type Value = string | number | boolean | Date | null | readonly string[] | JsonObject;

export interface Column<Row> {
  /** Its name in CSV and JSON. */
  readonly name: string;
  /** Its title in a table. A table omits a column without a title. */
  readonly title?: string;
  /** Whether a table shows the whole value always: operators copy ids. */
  readonly isNeverCut?: boolean;
  readonly value: (row: Row) => Value;
  readonly color?: (row: Row) => Color | undefined;
}

export type Pages<Row> = AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;

/** Prints a list. CSV and JSON are printed page by page; a table needs all rows for its column widths. */
export async function printList<Row>(
  pages: Pages<Row>,
  columns: readonly Column<Row>[],
  { format, stdout }: { readonly format: Format; readonly stdout: Output },
): Promise<void> {
  const printers = { table: printTable, csv: printCsv, json: printJson };
  await printers[format](pages, columns, stdout);
}

const pageSize = 100;

/** All pages of a list, each converted to rows. */
export async function* paginate<Node, Row>(
  fetchPage: (page: {
    readonly first: number;
    readonly after: string | null;
  }) => Promise<Connection<Node>>,
  toRows: (nodes: readonly Node[]) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  let after: string | null = null;
  for (;;) {
    const { nodes, pageInfo }: Connection<Node> = await fetchPage({ first: pageSize, after });
    yield await toRows(nodes);
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}

async function printTable<Row>(
  pages: Pages<Row>,
  columns: readonly Column<Row>[],
  stdout: Output,
): Promise<void> {
  const rows: Row[] = [];
  for await (const page of pages) rows.push(...page);
  await write(`${createTable(columns, stdout).format(rows)}\n`, stdout);
}

async function printCsv<Row>(
  pages: Pages<Row>,
  columns: readonly Column<Row>[],
  stdout: Output,
): Promise<void> {
  const csv = await createCsv(columns);
  if (!(await write(csv.header, stdout))) return;
  for await (const page of pages) if (!(await write(csv.format(page), stdout))) return;
}

async function printJson<Row>(
  pages: Pages<Row>,
  columns: readonly Column<Row>[],
  stdout: Output,
): Promise<void> {
  let separator = '[';
  for await (const page of pages) {
    for (const row of page) {
      const json = printableJson(JSON.stringify(rowToJson(row, columns)));
      if (!(await write(`${separator}${json}`, stdout))) return;
      separator = ',\n';
    }
  }
  await write(separator === '[' ? '[]\n' : ']\n', stdout);
}

export function rowToJson<Row>(row: Row, columns: readonly Column<Row>[]): Record<string, Value> {
  return Object.fromEntries(columns.map(({ name, value }) => [name, value(row)]));
}

/** Waits until the text is written; false when the write failed (see `watchOutput`). */
export function write(text: string, stdout: Output): Promise<boolean> {
  return new Promise((resolve) => {
    stdout.write(text, (error) => resolve(!error));
  });
}

/** CSV of rows; each line has its line break. */
export async function createCsv<Row>(columns: readonly Column<Row>[]) {
  const { stringify } = await import('csv-stringify/sync');
  // Spreadsheets execute text that begins like a formula (OWASP, CSV Injection).
  const csv = (lines: string[][]) => stringify(lines, { escape_formulas: true });
  return {
    header: csv([columns.map(({ name }) => name)]),
    format: (rows: readonly Row[]) =>
      csv(rows.map((row) => columns.map(({ value }) => printable(csvText(value(row)))))),
  };
}

function csvText(value: Value): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  return listText(value, ' ') ?? String(value);
}

function cellText(value: Value): string {
  if (value === true) return 'yes';
  if (value === false || value === null) return '';
  if (value instanceof Date) return formatTime(value);
  return listText(value, ', ') ?? String(value);
}

/** The items of a list, or the JSON of an object; undefined for other values. */
function listText(value: Exclude<Value, Date | null>, separator: string): string | undefined {
  if (typeof value !== 'object') return undefined;
  return isList(value) ? value.join(separator) : printableJson(JSON.stringify(value));
}

/** `Array.isArray` does not recognize a readonly array by its type. */
function isList(value: readonly string[] | JsonObject): value is readonly string[] {
  return Array.isArray(value);
}

interface Cell {
  readonly text: string;
  readonly color?: Color | undefined;
}

interface TitledColumn {
  readonly title: string;
  readonly isNeverCut?: boolean;
}

const gap = '  ';
/** Cells. */
const minColumnWidth = 3;

/** Formats rows in batches. The first batch sets the column widths and has the titles above it. */
export function createTable<Row>(columns: readonly Column<Row>[], stdout: Output) {
  const shown = columns.flatMap(({ title, ...column }) =>
    title === undefined ? [] : [{ ...column, title }],
  );
  const toCells = (row: Row): Cell[] =>
    shown.map(({ value, color }) => ({
      text: printable(cellText(value(row))),
      color: color?.(row),
    }));
  let widths: readonly number[] | undefined;
  return {
    format(rows: readonly Row[]): string {
      const lines = rows.map(toCells);
      const isFirst = widths === undefined;
      widths ??= fitWidths(naturalWidths(shown, lines), shown, terminalWidth(stdout));
      const formatLine = lineFormatter(shown, widths, stdout);
      const titles = formatLine(
        shown.map(({ title }) => ({ text: title })),
        'bold',
      );
      const text = lines.map((cells) => formatLine(cells));
      return (isFirst ? [titles, ...text] : text).join('\n');
    },
  };
}

function lineFormatter(
  columns: readonly TitledColumn[],
  widths: readonly number[],
  stdout: Output,
): (cells: readonly Cell[], style?: 'bold') => string {
  const last = columns.length - 1;
  // Outside of a terminal the last column is not cut.
  const limits = widths.with(
    last,
    terminalWidth(stdout) === undefined ? Infinity : (widths[last] ?? 0),
  );
  return (cells, style) =>
    cells
      .map(({ text, color }, index) => {
        const cut = columns[index]?.isNeverCut ? text : truncate(text, limits[index] ?? 0);
        const padding = index === last ? 0 : (widths[index] ?? 0) - stringWidth(cut);
        return colorize(color ?? style, cut + ' '.repeat(Math.max(0, padding)), stdout);
      })
      .join(gap)
      .trimEnd();
}

/** Cells of a line; undefined outside of a terminal, where nothing is cut. */
function terminalWidth({ isTTY, columns }: Output): number | undefined {
  return isTTY && columns ? columns : undefined;
}

function naturalWidths(
  columns: readonly TitledColumn[],
  lines: readonly (readonly Cell[])[],
): number[] {
  return columns.map(({ title }, index) =>
    lines.reduce(
      (width, cells) => Math.max(width, stringWidth(cells[index]?.text ?? '')),
      title.length,
    ),
  );
}

/** Narrows the widest columns until the line fits. If it cannot fit, the terminal wraps the line. */
function fitWidths(
  widths: readonly number[],
  columns: readonly TitledColumn[],
  lineWidth: number | undefined,
): readonly number[] {
  if (lineWidth === undefined) return widths;
  const available = lineWidth - gap.length * (columns.length - 1);
  const limitedTo = (limit: number) =>
    widths.map((width, index) => (columns[index]?.isNeverCut ? width : Math.min(width, limit)));
  const sum = (values: readonly number[]) => values.reduce((total, width) => total + width, 0);
  let limit = Math.max(...widths);
  while (limit > minColumnWidth && sum(limitedTo(limit)) > available) limit -= 1;
  return limitedTo(limit);
}

const segmenter = new Intl.Segmenter();

/** The first cells of a text, with an ellipsis if text is missing. */
function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = '';
  for (const { segment } of segmenter.segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
