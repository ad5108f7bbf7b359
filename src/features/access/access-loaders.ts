/** What belongs to whom, asked for once per request however many ask (DataLoader). */
import DataLoader from 'dataloader';
import type { Context } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import type { Access, ById } from './access.ts';
import type { Group } from './group.entity.ts';
import type { Permission } from './permission.entity.ts';

export interface AccessLoaders {
  readonly groupsOfUser: DataLoader<string, Group[]>;
  readonly permissionsOfUser: DataLoader<string, Permission[]>;
  readonly permissionsOfGroup: DataLoader<string, Permission[]>;
  readonly effectivePermissionsOfUser: DataLoader<string, string[]>;
}

/** The loaders of a request, which live as long as its context. */
export type AccessLoadersOf = (context: Context) => AccessLoaders;

/**
 * Items of the lists that one request may have answered. What an operation weighs beforehand assumes short
 * lists; there may be thousands of permissions, once for each of a page of superusers.
 */
const maxItems = 50_000;

/** @throws VALIDATION_FAILED when the lists hold too many items together */
type CountItems = (lists: readonly (readonly unknown[])[]) => void;

function createItemCount(): CountItems {
  let left = maxItems;
  return (lists) => {
    left -= lists.reduce((sum, { length }) => sum + length, 0);
    if (left >= 0) return;
    const message = `Their groups and permissions are more than ${maxItems} items: ask for fewer at once.`;
    throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'first', message }] });
  };
}

export function createAccessLoaders(access: Access): AccessLoadersOf {
  const kept = new WeakMap<Context, AccessLoaders>();
  return (context) => {
    const known = kept.get(context);
    if (known) return known;
    const count = createItemCount();
    const loaders = {
      groupsOfUser: loaderOf(access.groupsOfUsers, count),
      permissionsOfUser: loaderOf(access.permissionsOfUsers, count),
      permissionsOfGroup: loaderOf(access.permissionsOfGroups, count),
      effectivePermissionsOfUser: loaderOf(access.effectivePermissionsOfUsers, count),
    };
    kept.set(context, loaders);
    return loaders;
  };
}

function loaderOf<Thing>(
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
    // A mutation may change between two fields what was loaded for the first.
    { cache: false },
  );
}
