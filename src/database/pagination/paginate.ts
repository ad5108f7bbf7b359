/**
 * Keyset pagination: a cursor contains the position in the order. Every page costs the same, and concurrent
 * inserts and deletes neither repeat nor skip an item. Arguments and page info follow Relay's connections.
 */
import { parseFields, parseId, rejectValue } from '../../core/parse.ts';
import type { UnitOfWork } from '../transaction.ts';

export const defaultPageSize = 20;
export const maxPageSize = 100;

/** Unparsed input. */
export interface PageInput {
  readonly first?: unknown;
  readonly after?: unknown;
  readonly last?: unknown;
  readonly before?: unknown;
}

/** The column of the order, before the id; `cast` is its SQL type. */
export interface PageOrder {
  readonly column: string;
  readonly cast: string;
  readonly isDescending: boolean;
}

/** The listed rows: SQL after `from`, with its parameters. */
export interface PageSource {
  /** Such as `users t`; the alias is `t`. */
  readonly from: string;
  readonly conditions: readonly string[];
  readonly parameters: readonly unknown[];
}

export interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export interface PageOfIds {
  readonly rows: readonly { readonly id: string; readonly cursor: string }[];
  readonly pageInfo: PageInfo;
}

interface ParsedPage {
  readonly size: number;
  readonly isBackward: boolean;
  readonly after: Position | undefined;
  readonly before: Position | undefined;
}

interface Position {
  readonly value: string;
  readonly id: string;
}

/** One page of ids. @throws VALIDATION_FAILED */
export async function pageOfIds(
  query: UnitOfWork['query'],
  source: PageSource,
  { order, page }: { readonly order: PageOrder; readonly page: PageInput },
): Promise<PageOfIds> {
  const { size, isBackward, after, before } = parsePage(page, order);
  const bounds = [after && ([after, true] as const), before && ([before, false] as const)];
  const conditions = [...source.conditions];
  const parameters = [...source.parameters];
  for (const bound of bounds) {
    if (!bound) continue;
    const [{ value, id }, isAfter] = bound;
    const comparison = isAfter === order.isDescending ? '<' : '>';
    conditions.push(`(t.${order.column}, t.id) ${comparison} (?::${order.cast}, ?::uuid)`);
    parameters.push(value, id);
  }
  const found = await query<{ id: string; value: string }>(
    `select t.id, t.${order.column}::text as value from ${source.from}
     ${whereSql(conditions)}
     ${orderBySql(order, isBackward)} limit ?`,
    [...parameters, size + 1],
  );
  const hasMore = found.length > size;
  const pageRows = isBackward ? found.slice(0, size).reverse() : found.slice(0, size);
  const rows = pageRows.map(({ id, value }) => ({
    id,
    cursor: encodeCursor(order, { value, id }),
  }));
  return {
    rows,
    pageInfo: {
      hasNextPage: isBackward ? before !== undefined : hasMore,
      hasPreviousPage: isBackward ? hasMore : after !== undefined,
      startCursor: rows[0]?.cursor ?? null,
      endCursor: rows.at(-1)?.cursor ?? null,
    },
  };
}

/** SQL: the order of the rows `t`, reversed for a page that is read backward. */
export function orderBySql({ column, isDescending }: PageOrder, isBackward = false): string {
  const direction = isDescending === isBackward ? 'asc' : 'desc';
  return `order by t.${column} ${direction}, t.id ${direction}`;
}

function whereSql(conditions: readonly string[]): string {
  return conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
}

/** The number of all rows of the source. */
export async function countOf(
  query: UnitOfWork['query'],
  { from, conditions, parameters }: PageSource,
): Promise<number> {
  const [row] = await query<{ total: string }>(
    `select count(*) as total from ${from} ${whereSql(conditions)}`,
    parameters,
  );
  return Number(row?.total);
}

function parsePage(page: PageInput, order: PageOrder): ParsedPage {
  const isBackward = isGiven(page.last);
  const { first, last, after, before } = parseFields({
    first: () => parseSize(page.first),
    last: () =>
      isBackward && isGiven(page.first)
        ? rejectValue('Give first or last, not both.')
        : parseSize(page.last),
    after: () => parseCursor(page.after, order),
    before: () => parseCursor(page.before, order),
  });
  return { size: isBackward ? last : first, isBackward, after, before };
}

/** A larger size is reduced to the largest one. */
function parseSize(raw: unknown): number {
  if (!isGiven(raw)) return defaultPageSize;
  if (typeof raw !== 'number' || !Number.isInteger(raw) || raw < 0)
    rejectValue('Must be 0 or more.');
  return Math.min(raw, maxPageSize);
}

function isGiven(raw: unknown): boolean {
  return raw !== undefined && raw !== null;
}

/** A cursor contains its order, because its position is not valid in another one. */
function encodeCursor({ column }: PageOrder, { value, id }: Position): string {
  return Buffer.from(JSON.stringify([column, value, id])).toString('base64url');
}

function parseCursor(raw: unknown, { column, cast }: PageOrder): Position | undefined {
  if (!isGiven(raw)) return undefined;
  const position = typeof raw === 'string' ? decodeCursor(raw) : undefined;
  const isUsable = position?.column === column && isOfType(position.value, cast);
  return isUsable ? position : rejectValue('Is not a cursor of this list in this order.');
}

function decodeCursor(text: string): (Position & { readonly column: string }) | undefined {
  try {
    const [column, value, rawId] = JSON.parse(Buffer.from(text, 'base64url').toString());
    const id = parseId(rawId);
    const isComplete =
      typeof column === 'string' && typeof value === 'string' && value.isWellFormed();
    return isComplete && id !== undefined ? { column, value, id } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether PostgreSQL can cast the value. */
function isOfType(value: string, cast: string): boolean {
  return cast === 'timestamptz' ? isTimestamp(value) : !value.includes('\u0000');
}

/** PostgreSQL accepts no year 0, and offsets below 16 hours only. */
const timestamp =
  /^((?!0000)\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)[+-](?:0\d|1[0-5])(?::[0-5]\d)?$/;

/** Whether the text is a time of PostgreSQL. `Date` alone would accept the 30th of February. */
function isTimestamp(value: string): boolean {
  const [, day = '', time = ''] = timestamp.exec(value) ?? [];
  const instant = new Date(`${day}T${time}Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(day);
}
