/** A page of things, in the shape of Relay's connections. Knows nothing of what they are. */
import type { UnitOfWork } from '../transaction.ts';
import {
  countOf,
  type PageInfo,
  type PageInput,
  type PageOrder,
  type PageSource,
  pageOfIds,
} from './paginate.ts';

/** The total is counted when asked for. */
export interface Connection<Thing> {
  readonly nodes: readonly Thing[];
  readonly edges: readonly { readonly node: Thing; readonly cursor: string }[];
  readonly pageInfo: PageInfo;
  readonly count: () => Promise<number>;
}

/**
 * The things of a page, in its order; what went away since its ids were read is left out.
 *
 * @throws VALIDATION_FAILED
 */
export async function connect<Thing extends { readonly id: string }>(
  query: UnitOfWork['query'],
  source: PageSource,
  list: {
    readonly order: PageOrder;
    readonly page: PageInput;
    readonly load: (ids: string[]) => Promise<Thing[]>;
  },
): Promise<Connection<Thing>> {
  const { rows, pageInfo } = await pageOfIds(query, source, list);
  const loaded = await list.load(rows.map(({ id }) => id));
  const things = new Map(loaded.map((each) => [each.id, each]));
  let total: Promise<number> | undefined;
  const edges = rows.flatMap(({ id, cursor }) => {
    const node = things.get(id);
    return node ? [{ node, cursor }] : [];
  });
  return {
    edges,
    nodes: edges.map(({ node }) => node),
    pageInfo,
    count: () => {
      total ??= countOf(query, source); // once, under however many aliases
      return total;
    },
  };
}
