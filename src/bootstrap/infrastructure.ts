/** Opens the dependencies of all features: database, clock, rate limiter and password hasher. */
import type { Pool } from 'pg';
import type { Config } from '../config/config.ts';
import type { LimitName } from '../config/rate-limits.ts';
import type { Clock } from '../core/time.ts';
import {
  createPasswordHasher,
  hashThreadsPerWorker,
  type PasswordHasher,
} from '../crypto/password/hasher.ts';
import { followDatabaseClock, useClock } from '../database/clock.ts';
import { type PoolName, registerPoolMetrics } from '../database/pool.ts';
import { type DatabaseTimeouts, serverTimeouts } from '../database/timeouts.ts';
import type { Log } from '../observability/log.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { logSecurityEvent } from '../observability/security-log.ts';
import { type AttemptLimits, createAttemptLimits } from '../rate-limit/attempt-limits.ts';
import { openRateLimiter, type RateLimiter } from '../rate-limit/limiter.ts';
import { type Database, openDatabase, prepareSchema } from './database.ts';
import type { AppContextOptions, Purpose } from './options.ts';
import { openSecretKey } from './secret-key.ts';

/** Queue slots per hash thread: about a second of hashing at the default cost. */
const queueSlotsPerThread = 40;

export interface Infrastructure {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly timeouts: DatabaseTimeouts;
  readonly pools: Map<PoolName, Pool>;
  readonly database: Database;
  readonly secretKey: string;
  /** Undefined when rate limits are off. */
  readonly rateLimiter: RateLimiter | undefined;
  readonly attemptLimits: AttemptLimits;
  readonly hasher: PasswordHasher;
  /** Names of the migrations that were applied at the start. */
  readonly migrated: readonly string[];
}

/** @param opened closes everything that was opened, in reverse order */
export async function openInfrastructure(
  options: AppContextOptions,
  opened: AsyncDisposableStack,
): Promise<Infrastructure> {
  const { config, log, timeouts = serverTimeouts, purpose = 'serve' } = options;
  const metrics = createMetrics();
  const pools = new Map<PoolName, Pool>();
  registerPoolMetrics(metrics, pools);
  const onPool = (pool: Pool) => void pools.set('main', pool);
  const database = await openDatabase({ config, log, metrics, timeouts, purpose, onPool, opened });
  const { migrated, secretKey } = await prepareDatabase(database, { config, log, purpose });
  const rateLimiter = await openLimiter(database, { config, log, metrics, timeouts });
  opened.defer(() => rateLimiter?.close());
  const clock = options.clock ?? (await openClock(database, log, opened));
  useClock(database.orm.em, clock);
  const attemptLimits = createAttemptLimits({ rateLimiter, secretKey });
  const hasher = createHasher(config, metrics, options.hashWaitMilliseconds);
  opened.defer(() => hasher.close());
  return {
    config,
    log,
    clock,
    metrics,
    timeouts,
    pools,
    database,
    secretKey,
    rateLimiter,
    attemptLimits,
    hasher,
    migrated,
  };
}

async function prepareDatabase(
  database: Database,
  deps: { readonly config: Config; readonly log: Log; readonly purpose: Purpose },
): Promise<Pick<Infrastructure, 'migrated' | 'secretKey'>> {
  const { config, log, purpose } = deps;
  const { query, withEntityManager } = database.unitOfWork;
  const findSecretKey = () => openSecretKey(config, purpose, query);
  const migrated = await prepareSchema(database, { log, purpose, findSecretKey });
  return { migrated, secretKey: await withEntityManager(findSecretKey) };
}

async function openLimiter(
  { database, isPooled }: Database,
  deps: Pick<Infrastructure, 'config' | 'log' | 'metrics' | 'timeouts'>,
): Promise<RateLimiter | undefined> {
  const { config, log, metrics, timeouts } = deps;
  const { rateLimits: limits, redisUrl } = config;
  if (!limits) return undefined;
  const onRefused = (limit: LimitName) => {
    metrics.rateLimited.inc({ limit });
    logSecurityEvent(log, { event: 'attempt', outcome: 'refused', code: 'THROTTLED', limit });
  };
  return openRateLimiter({
    database,
    isPooled,
    timeouts,
    log,
    limits,
    redisUrl,
    onRefused,
  });
}

async function openClock(
  { unitOfWork }: Database,
  log: Log,
  opened: AsyncDisposableStack,
): Promise<Clock> {
  return opened.use(await followDatabaseClock({ query: unitOfWork.query, log })).now;
}

function createHasher(
  { workers, passwordHash }: Config,
  metrics: Metrics,
  waitMilliseconds: number | undefined,
): PasswordHasher {
  const threads = hashThreadsPerWorker(workers);
  return createPasswordHasher({
    threads,
    queueLimit: threads * queueSlotsPerThread,
    parameters: passwordHash,
    metrics,
    waitMilliseconds,
  });
}
