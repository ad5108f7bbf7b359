/** What belongs to whom, asked for once per request however many ask (DataLoader). */
import DataLoader from 'dataloader';
import type { Context } from '../../core/actor.ts';
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

export function createAccessLoaders(access: Access): AccessLoadersOf {
  const kept = new WeakMap<Context, AccessLoaders>();
  return (context) => {
    const loaders = kept.get(context) ?? {
      groupsOfUser: loaderOf(access.groupsOfUsers),
      permissionsOfUser: loaderOf(access.permissionsOfUsers),
      permissionsOfGroup: loaderOf(access.permissionsOfGroups),
      effectivePermissionsOfUser: loaderOf(access.effectivePermissionsOfUsers),
    };
    kept.set(context, loaders);
    return loaders;
  };
}

function loaderOf<Thing>(
  load: (ids: readonly string[]) => Promise<ById<Thing>>,
): DataLoader<string, Thing[]> {
  return new DataLoader(
    async (ids) => {
      const found = await load(ids);
      return ids.map((id) => found.get(id) ?? []);
    },
    // A mutation may change between two fields what was loaded for the first.
    { cache: false },
  );
}
