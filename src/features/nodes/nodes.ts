/**
 * Finds objects by their ids alone. An id does not contain its type: one statement searches the tables of all types
 * for the rows that the caller may see. Unknown ids and ids of invisible rows have the same result.
 */
import DataLoader from 'dataloader';
import { parseId } from '../../core/parse.ts';
import { type Actor, type RequestContext, requireActor } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';

/** An object with an id. */
export interface Node {
  readonly id: string;
}

/** SQL: a condition on the rows `t` of a table. */
export interface Visibility {
  readonly condition: string;
  readonly parameters: readonly unknown[];
}

/** The objects of one type. */
export interface NodeSource {
  /** Name of the GraphQL type. */
  readonly type: string;
  readonly table: string;
  /** The rows that the actor may see; undefined if the actor may see none. */
  visibleTo(actor: Actor): Visibility | undefined;
  /** Loads visible rows. */
  load(ids: string[]): Promise<readonly Node[]>;
}

/** An object and its GraphQL type. */
export interface FoundNode {
  readonly type: string;
  readonly node: Node;
}

export interface Nodes {
  /** The visible objects with the ids, by id. Needs valid ids. */
  find(ids: readonly string[], actor: Actor): Promise<ReadonlyMap<string, FoundNode>>;
}

interface Location extends Node {
  readonly type: string;
}

export function createNodes(
  { query }: Pick<UnitOfWork, 'query'>,
  sources: readonly NodeSource[],
): Nodes {
  const locate = async (ids: readonly string[], actor: Actor): Promise<Location[]> => {
    const searches = sources.flatMap(({ type, table, visibleTo }) => {
      const visibility = visibleTo(actor);
      if (!visibility) return [];
      const { condition, parameters } = visibility;
      return {
        sql: `select '${type}' as type, t.id from ${table} t where t.id = any(?::uuid[]) and ${condition}`,
        parameters: [ids, ...parameters],
      };
    });
    if (ids.length === 0 || searches.length === 0) return [];
    return query<Location>(
      searches.map(({ sql }) => sql).join(' union all '),
      searches.flatMap(({ parameters }) => parameters),
    );
  };

  return {
    async find(ids, actor) {
      const located = Map.groupBy(await locate(ids, actor), ({ type }) => type);
      const found = new Map<string, FoundNode>();
      for (const { type, load } of sources) {
        const own = located.get(type);
        if (!own) continue;
        for (const node of await load(own.map(({ id }) => id))) found.set(node.id, { type, node });
      }
      return found;
    },
  };
}

/** The loader of a request, for the lifetime of its context. It has null for what the caller cannot see. */
export type NodeLoaderOf = (context: RequestContext) => DataLoader<string, FoundNode | null>;

/** The ids of the fields of one operation are searched together. */
export function createNodeLoaders(nodes: Nodes): NodeLoaderOf {
  const cached = new WeakMap<RequestContext, DataLoader<string, FoundNode | null>>();
  return (context) => {
    const known = cached.get(context);
    if (known) return known;
    const actor = requireActor(context);
    const loader = new DataLoader<string, FoundNode | null>(
      async (rawIds) => {
        const ids = rawIds.map(parseId);
        const valid = new Set(ids.filter((id) => id !== undefined));
        const found = await nodes.find([...valid], actor);
        return ids.map((id) => (id === undefined ? null : (found.get(id) ?? null)));
      },
      // No cache: a mutation may change the rows between two fields.
      { cache: false },
    );
    cached.set(context, loader);
    return loader;
  };
}
