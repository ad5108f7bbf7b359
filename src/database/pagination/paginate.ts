/**
 * Pages of long lists, by keyset: a cursor holds the place in the order, so that a page costs the same
 * wherever it is, and nobody is met twice or left out while others come and go. The shape is that of
 * Relay's connections.
 */
import { parseFields, parseId, refuse } from '../../core/parse.ts';
import type { UnitOfWork } from '../transaction.ts';

export const defaultPageSize = 20;
export const maxPageSize = 100;

/** Everything raw. */
export interface PageInput {
  readonly first?: unknown;
  readonly after?: unknown;
  readonly last?: unknown;
  readonly before?: unknown;
}

/** A column to order by, with the id behind it; `cast` is its SQL type. */
export interface PageOrder {
  readonly column: string;
  readonly cast: string;
  readonly isDescending: boolean;
}

/** Whose ids are listed: SQL behind `from`, with its parameters. */
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
  readonly after: Place | undefined;
  readonly before: Place | undefined;
}

interface Place {
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
  const places = [after && ([after, true] as const), before && ([before, false] as const)];
  const conditions = [...source.conditions];
  const parameters = [...source.parameters];
  for (const place of places) {
    if (!place) continue;
    const [{ value, id }, isAfter] = place;
    const comparison = isAfter === order.isDescending ? '<' : '>';
    conditions.push(`(t.${order.column}, t.id) ${comparison} (?::${order.cast}, ?::uuid)`);
    parameters.push(value, id);
  }
  const direction = order.isDescending === isBackward ? 'asc' : 'desc';
  const found = await query<{ id: string; value: string }>(
    `select t.id, t.${order.column}::text as value from ${source.from}
     ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
     order by t.${order.column} ${direction}, t.id ${direction} limit ?`,
    [...parameters, size + 1],
  );
  const hasMore = found.length > size;
  const kept = isBackward ? found.slice(0, size).reverse() : found.slice(0, size);
  const rows = kept.map(({ id, value }) => ({ id, cursor: encodeCursor(order, { value, id }) }));
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

/** How many there are in all. */
export async function countOf(
  query: UnitOfWork['query'],
  { from, conditions, parameters }: PageSource,
): Promise<number> {
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const [row] = await query<{ total: string }>(
    `select count(*) as total from ${from} ${where}`,
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
        ? refuse('Give first or last, not both.')
        : parseSize(page.last),
    after: () => parseCursor(page.after, order),
    before: () => parseCursor(page.before, order),
  });
  return { size: isBackward ? last : first, isBackward, after, before };
}

/** More than a page holds is cut to what it holds. */
function parseSize(raw: unknown): number {
  if (!isGiven(raw)) return defaultPageSize;
  if (typeof raw !== 'number' || !Number.isInteger(raw) || raw < 0) refuse('Must be 0 or more.');
  return Math.min(raw, maxPageSize);
}

function isGiven(raw: unknown): boolean {
  return raw !== undefined && raw !== null;
}

/** The order is part of a cursor: in another order its place means nothing. */
function encodeCursor({ column }: PageOrder, { value, id }: Place): string {
  return Buffer.from(JSON.stringify([column, value, id])).toString('base64url');
}

function parseCursor(raw: unknown, { column, cast }: PageOrder): Place | undefined {
  if (!isGiven(raw)) return undefined;
  const place = typeof raw === 'string' ? decodeCursor(raw) : undefined;
  const isUsable = place?.column === column && isOfType(place.value, cast);
  return isUsable ? place : refuse('Is no cursor of this list in this order.');
}

function decodeCursor(text: string): (Place & { readonly column: string }) | undefined {
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

/** Keeps what PostgreSQL could not cast away from it. */
function isOfType(value: string, cast: string): boolean {
  return cast === 'timestamptz' ? isTimestamp(value) : !value.includes('\u0000');
}

/** PostgreSQL takes no year 0 and offsets below 16 hours only. */
const timestamp =
  /^((?!0000)\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)[+-](?:0\d|1[0-5])(?::[0-5]\d)?$/;

/** As PostgreSQL writes a time; `Date` alone would take the 30th of February for the 1st of March. */
function isTimestamp(value: string): boolean {
  const [, day = '', time = ''] = timestamp.exec(value) ?? [];
  const instant = new Date(`${day}T${time}Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(day);
}
