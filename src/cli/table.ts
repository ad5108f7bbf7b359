/** Tables of text: columns that fit their cells and, at a terminal, its width. */
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { printable } from '../core/text.ts';
import type { Output } from './io.ts';

export type Colour = 'green' | 'yellow' | 'red';

/** A cell as it is shown; of a column that stays whole it is never cut. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export interface TableColumn {
  readonly title: string;
  /** An id, which is copied. */
  readonly isWhole?: boolean;
}

const gap = '  ';
/** Cells; a column is not made narrower than that. */
const narrowest = 3;

/** Printable text, in a colour where a terminal shows it; NO_COLOR switches colours off. */
export function colorize(style: Colour | 'bold' | undefined, text: string, stdout: Output): string {
  const shown = printable(text);
  return style === undefined ? shown : styleText(style, shown, { stream: stdout });
}

/** Prints rows in batches: the first one decides the widths, and has the titles above it. */
export function createTable(columns: readonly TableColumn[], stdout: Output) {
  let widths: readonly number[] | undefined;

  const lineOf = (cells: readonly Cell[], style?: 'bold'): string => {
    const last = columns.length - 1;
    const painted = cells.map(({ text, colour }, at) => {
      const width = widths?.[at] ?? 0;
      const cut = columns[at]?.isWhole ? text : cutTo(text, at === last ? lastWidth() : width);
      const padded = at === last ? cut : cut + ' '.repeat(Math.max(0, width - stringWidth(cut)));
      return colorize(colour ?? style, padded, stdout);
    });
    return painted.join(gap).trimEnd();
  };
  /** The last column may be as long as it is, but at a terminal. */
  const lastWidth = () => (widthOf(stdout) === undefined ? Infinity : (widths?.at(-1) ?? 0));

  return {
    /** The text of a batch, with the titles before the first one. */
    textOf(rows: readonly (readonly Cell[])[]): string {
      const isFirst = widths === undefined;
      widths ??= fittedWidths(naturalWidths(columns, rows), columns, widthOf(stdout));
      const titles = columns.map(({ title }) => ({ text: title }));
      const lines = rows.map((cells) => lineOf(cells));
      return (isFirst ? [lineOf(titles, 'bold'), ...lines] : lines).join('\n');
    },
  };
}

/** Cells of a line; undefined where there is no terminal, and nothing is cut. */
function widthOf({ isTTY, columns }: Output): number | undefined {
  return isTTY && columns ? columns : undefined;
}

function naturalWidths(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
): number[] {
  return columns.map(({ title }, at) =>
    rows.reduce(
      (width, cells) => Math.max(width, stringWidth(cells[at]?.text ?? '')),
      title.length,
    ),
  );
}

/** Makes the widest columns narrower until all fit; where they cannot, the terminal breaks the lines. */
function fittedWidths(
  widths: readonly number[],
  columns: readonly TableColumn[],
  available: number | undefined,
): readonly number[] {
  if (available === undefined) return widths;
  const room = available - gap.length * (columns.length - 1);
  const withTimeout = (limit: number) =>
    widths.map((width, at) => (columns[at]?.isWhole ? width : Math.min(width, limit)));
  const sum = (all: readonly number[]) => all.reduce((total, width) => total + width, 0);
  let limit = Math.max(...widths);
  while (limit > narrowest && sum(withTimeout(limit)) > room) limit -= 1;
  return withTimeout(limit);
}

const segmenter = new Intl.Segmenter();

/** The beginning of a text, with an ellipsis for the rest. */
function cutTo(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = '';
  for (const { segment } of segmenter.segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
