/** Loaders of the API keys of users and service accounts, for one request. */
import type DataLoader from 'dataloader';
import type { RequestContext } from '../../core/request-context.ts';
import { itemCountOf, loaderOf } from '../access/access-loaders.ts';
import type { ApiKey } from './api-key.entity.ts';
import type { ApiKeys } from './api-keys.ts';

export interface KeyLoaders {
  readonly keysOfUser: DataLoader<string, ApiKey[]>;
  readonly keysOfServiceAccount: DataLoader<string, ApiKey[]>;
}

export type KeyLoadersOf = (context: RequestContext) => KeyLoaders;

export function createKeyLoaders({ listOf }: Pick<ApiKeys, 'listOf'>): KeyLoadersOf {
  const cached = new WeakMap<RequestContext, KeyLoaders>();
  return (context) => {
    const known = cached.get(context);
    if (known) return known;
    const count = itemCountOf(context);
    const loaders = {
      keysOfUser: loaderOf((ids) => listOf('user_id', ids), count),
      keysOfServiceAccount: loaderOf((ids) => listOf('service_account_id', ids), count),
    };
    cached.set(context, loaders);
    return loaders;
  };
}
