/** Wires API keys: their rows, their principals, authentication and the last use. */
import type { Clock } from '../../core/time.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { type ApiKeys, createApiKeys } from './api-keys.ts';
import { createKeyAuthentication, type KeyAuthentication } from './key-authentication.ts';
import { createKeyPrincipals } from './key-principals.ts';
import { createKeyUsage, type KeyUsage } from './key-usage.ts';

export interface ApiKeysModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly changeFeed: ChangeFeed;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
  readonly principalCacheSize: number;
}

export interface ApiKeysModule {
  readonly apiKeys: ApiKeys;
  readonly keyAuthentication: KeyAuthentication;
  readonly keyUsage: KeyUsage;
}

export function createApiKeysModule(deps: ApiKeysModuleDeps): ApiKeysModule {
  const { unitOfWork, clock, log, metrics, changeFeed, attemptLimits, audit } = deps;
  const size = deps.principalCacheSize;
  const keyUsage = createKeyUsage({ unitOfWork, audit, clock, log });
  return {
    apiKeys: createApiKeys({ unitOfWork, audit, clock }),
    keyUsage,
    keyAuthentication: createKeyAuthentication({
      unitOfWork,
      principals: createKeyPrincipals({ unitOfWork, changeFeed, clock, metrics, size }),
      usage: keyUsage,
      attemptLimits,
      audit,
      clock,
      size,
    }),
  };
}
