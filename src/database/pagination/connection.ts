/** Loads the items of a page in the shape of a Relay connection. */
import type { UnitOfWork } from '../transaction.ts';
import {
  countOf,
  type PageInfo,
  type PageInput,
  type PageOrder,
  type PageSource,
  pageOfIds,
} from './paginate.ts';

/** `count` runs a query for the total number of items. */
export interface Connection<Item> {
  readonly nodes: readonly Item[];
  readonly edges: readonly { readonly node: Item; readonly cursor: string }[];
  readonly pageInfo: PageInfo;
  readonly count: () => Promise<number>;
}

/**
 * Loads the items of a page in its order. An item that was deleted after its id was read is left out.
 *
 * @throws VALIDATION_FAILED
 */
export async function connect<Item extends { readonly id: string }>(
  query: UnitOfWork['query'],
  source: PageSource,
  list: {
    readonly order: PageOrder;
    readonly page: PageInput;
    readonly load: (ids: string[]) => Promise<Item[]>;
  },
): Promise<Connection<Item>> {
  const { rows, pageInfo } = await pageOfIds(query, source, list);
  const loaded = await list.load(rows.map(({ id }) => id));
  const items = new Map(loaded.map((item) => [item.id, item]));
  let total: Promise<number> | undefined;
  const edges = rows.flatMap(({ id, cursor }) => {
    const node = items.get(id);
    return node ? [{ node, cursor }] : [];
  });
  return {
    edges,
    nodes: edges.map(({ node }) => node),
    pageInfo,
    count: () => {
      total ??= countOf(query, source); // one query, even if several aliases select the field
      return total;
    },
  };
}
