/**
 * The cache of principals by credential, for sessions and for API keys. A principal stays cached while the change
 * feed is trusted and reports no change of the credential, its owner or the grants, so that a request needs no query
 * and a revoked credential is not accepted.
 */
import { LRUCache } from 'lru-cache';
import { type Actor, actorIdOf, type Credential } from '../../core/request-context.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { ChangeFeed, ChangeKey } from '../../database/change-feed.ts';
import type { Metrics } from '../../observability/metrics.ts';

/** The change feed does not report logins, so a cached `lastLoginAt` may be outdated by this time. */
const maxAgeSeconds = 60;

/**
 * SQL: the metadata of the user `u`, or null if it is too long for the cache. A full default cache then has at most
 * 90 MB of metadata, sessions and API keys together; 8 KiB for each would be more than 1 GB.
 */
export const cachedMetadataSql =
  'case when octet_length(u.metadata::text) <= 256 then u.metadata end';

export interface LoadedPrincipal<Principal extends Actor> {
  readonly actor: Principal;
  /** When the credential or a membership of its owner expires; null for never. */
  readonly validUntil: Date | null;
}

export interface PrincipalCache<Principal extends Actor> {
  /** The owner of a valid credential. */
  find(credentialId: string): Promise<Principal | undefined>;
}

export interface PrincipalCacheDeps<Principal extends Actor> {
  /** The kind of the credentials, which is also that of their changes in the feed. */
  readonly kind: Credential['kind'];
  readonly load: (credentialId: string) => Promise<LoadedPrincipal<Principal> | undefined>;
  readonly changeFeed: Pick<ChangeFeed, 'isTrusted' | 'onChange'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'principals'>;
  /** The largest number of cached principals; the least recently used one is evicted. */
  readonly size: number;
}

interface CachedPrincipal<Principal extends Actor> {
  readonly actor: Principal;
  /** At most `maxAgeSeconds` after the load. */
  readonly validUntil: Date;
}

export function createPrincipalCache<Principal extends Actor>(
  deps: PrincipalCacheDeps<Principal>,
): PrincipalCache<Principal> {
  const cache = new LRUCache<string, CachedPrincipal<Principal>>({
    max: deps.size,
    dispose: unlink,
  });
  const credentialsOfOwner = new Map<ChangeKey, Set<string>>();
  /** Current loads, each with the changes reported since its start. */
  const loads = new Set<Set<ChangeKey>>();

  function unlink({ actor }: CachedPrincipal<Principal>, credentialId: string): void {
    const owner = ownerKeyOf(actor);
    const credentials = credentialsOfOwner.get(owner);
    credentials?.delete(credentialId);
    if (credentials?.size === 0) credentialsOfOwner.delete(owner);
  }

  function store(credentialId: string, principal: CachedPrincipal<Principal>): void {
    cache.set(credentialId, principal);
    const owner = ownerKeyOf(principal.actor);
    credentialsOfOwner.set(owner, (credentialsOfOwner.get(owner) ?? new Set()).add(credentialId));
  }

  deps.changeFeed.onChange((key) => {
    for (const changes of loads) changes.add(key);
    const [kind, id = ''] = key.split(':');
    if (kind === deps.kind) cache.delete(id);
    else if (kind === 'all' || kind === 'grants') cache.clear();
    else
      for (const credential of [...(credentialsOfOwner.get(key) ?? [])]) cache.delete(credential);
  });

  const load = async (credentialId: string): Promise<Principal | undefined> => {
    const changes = new Set<ChangeKey>();
    loads.add(changes);
    try {
      const loaded = await deps.load(credentialId);
      if (!loaded) return undefined;
      const { actor, validUntil: end } = loaded;
      const latest = secondsAfter(deps.clock(), maxAgeSeconds);
      const validUntil = end !== null && end < latest ? end : latest;
      const keys = [`${deps.kind}:${credentialId}`, ownerKeyOf(actor), 'all', 'grants'];
      const isOutdated = keys.some((key) => changes.has(key));
      if (!isOutdated && deps.changeFeed.isTrusted()) store(credentialId, { actor, validUntil });
      return actor;
    } finally {
      loads.delete(changes);
    }
  };

  return {
    async find(credentialId) {
      const principal = deps.changeFeed.isTrusted() ? cache.get(credentialId) : undefined;
      const isCached = principal !== undefined && principal.validUntil > deps.clock();
      deps.metrics.principals.inc({ outcome: isCached ? 'hit' : 'miss' });
      return isCached ? principal.actor : load(credentialId);
    },
  };
}

/** The key of changes of the owner in the change feed. */
function ownerKeyOf(actor: Actor): ChangeKey {
  return `${actor.kind}:${actorIdOf(actor)}`;
}
