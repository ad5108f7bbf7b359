/** Loads the metadata of users together, for one request. Principals have only short metadata. */
import DataLoader from 'dataloader';
import type { JsonObject } from '../../core/json.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { User } from './user.entity.ts';

/** The loader of a request, for the lifetime of its context. */
export type MetadataLoaderOf = (context: RequestContext) => DataLoader<string, JsonObject>;

const findMetadataSql = 'select id, metadata from users where id = any(?::uuid[])';

export function createMetadataLoaders({ query }: Pick<UnitOfWork, 'query'>): MetadataLoaderOf {
  const cached = new WeakMap<RequestContext, DataLoader<string, JsonObject>>();
  return (context) => {
    const known = cached.get(context);
    if (known) return known;
    const loader = new DataLoader(
      async (ids: readonly string[]) => {
        const rows = await query<Pick<User, 'id' | 'metadata'>>(findMetadataSql, [ids]);
        const found = new Map(rows.map(({ id, metadata }) => [id, metadata]));
        return ids.map((id) => found.get(id) ?? {}); // a user that was deleted meanwhile has none
      },
      // No cache: a mutation may change the rows between two fields.
      { cache: false },
    );
    cached.set(context, loader);
    return loader;
  };
}
