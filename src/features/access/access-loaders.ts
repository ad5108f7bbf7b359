/** Loaders of the groups and permissions of users, service accounts and groups, for one request. */
import DataLoader from 'dataloader';
import { Problem } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { Group, Permission } from './access.entities.ts';
import type { Access, ById } from './access.ts';

export interface AccessLoaders {
  readonly groupsOfUser: DataLoader<string, Group[]>;
  readonly permissionsOfUser: DataLoader<string, Permission[]>;
  readonly permissionsOfGroup: DataLoader<string, Permission[]>;
  readonly effectivePermissionsOfUser: DataLoader<string, string[]>;
  readonly groupsOfServiceAccount: DataLoader<string, Group[]>;
  readonly permissionsOfServiceAccount: DataLoader<string, Permission[]>;
  readonly effectivePermissionsOfServiceAccount: DataLoader<string, string[]>;
}

/** The loaders of a request, for the lifetime of its context. */
export type AccessLoadersOf = (context: RequestContext) => AccessLoaders;

/**
 * The largest number of items of these lists and of API keys in the answer to one request. The cost of an operation
 * assumes short lists, but each superuser on a page may have thousands of permissions.
 */
const maxItems = 50_000;

/** @throws VALIDATION_FAILED when the lists hold too many items together */
type CountItems = (lists: readonly (readonly unknown[])[]) => void;

const itemCounts = new WeakMap<RequestContext, CountItems>();

/** The count of the items of one request, for all its loaders. */
export function itemCountOf(context: RequestContext): CountItems {
  const count = itemCounts.get(context) ?? createItemCount();
  itemCounts.set(context, count);
  return count;
}

function createItemCount(): CountItems {
  let left = maxItems;
  return (lists) => {
    left -= lists.reduce((sum, { length }) => sum + length, 0);
    if (left >= 0) return;
    const message = `Their groups, permissions and API keys are more than ${maxItems} items: request fewer at once.`;
    throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'first', message }] });
  };
}

export function createAccessLoaders(access: Access): AccessLoadersOf {
  const cached = new WeakMap<RequestContext, AccessLoaders>();
  return (context) => {
    const known = cached.get(context);
    if (known) return known;
    const count = itemCountOf(context);
    const loaders = {
      groupsOfUser: loaderOf(access.groupsOfUsers, count),
      permissionsOfUser: loaderOf(access.permissionsOfUsers, count),
      permissionsOfGroup: loaderOf(access.permissionsOfGroups, count),
      effectivePermissionsOfUser: loaderOf(access.effectivePermissionsOfUsers, count),
      groupsOfServiceAccount: loaderOf(access.groupsOfServiceAccounts, count),
      permissionsOfServiceAccount: loaderOf(access.permissionsOfServiceAccounts, count),
      effectivePermissionsOfServiceAccount: loaderOf(
        access.effectivePermissionsOfServiceAccounts,
        count,
      ),
    };
    cached.set(context, loaders);
    return loaders;
  };
}

/** Loads the lists of all owners of a response together. */
export function loaderOf<Thing>(
  load: (ids: readonly string[]) => Promise<ById<Thing>>,
  count: CountItems,
): DataLoader<string, Thing[]> {
  return new DataLoader(
    async (ids) => {
      const found = await load(ids);
      const lists = ids.map((id) => found.get(id) ?? []);
      count(lists);
      return lists;
    },
    // No cache: a mutation may change the rows between two fields.
    { cache: false },
  );
}
