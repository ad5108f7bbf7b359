/**
 * The database and the services on it, without any network interface. Commands open them for their work;
 * `app.ts` adds HTTP. The purpose decides what may be created or changed on the way.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Pool } from 'pg';
import type { Config } from '../config/config.ts';
import { type DatabaseConnection, parseDatabaseUrl } from '../config/database-url.ts';
import type { LimitName } from '../config/rate-limits.ts';
import type { Clock } from '../core/time.ts';
import { findKeptSecretKey, keptSecretKey, requiredSecretKey } from '../crypto/keys.ts';
import { type ChangeFeed, createChangeFeed } from '../database/change-feed.ts';
import { followDatabaseClock } from '../database/clock.ts';
import { auditChainsMigration } from '../database/migrations/20261128000011-audit-chains.ts';
import { openOrm, ormOptions } from '../database/orm.ts';
import { openPool, watchPools } from '../database/pool.ts';
import { assertSchemaIsCurrent, migrateSchema } from '../database/schema-check.ts';
import { checkDatabaseAtStart, type DatabaseConnections } from '../database/start-check.ts';
import { type DatabaseTimeouts, serverTimeouts } from '../database/timeouts.ts';
import { createUnitOfWork, type UnitOfWork } from '../database/transaction.ts';
import { acquireEmbeddedDatabase, requireEmbeddedDatabase } from '../embedded-postgres/embedded.ts';
import { startAuditChains } from '../features/audit/chains.ts';
import { AuditSubscriber } from '../features/audit-log/audit.subscriber.ts';
import { OneTimePasswordSubscriber } from '../features/one-time-passwords/one-time-password.subscriber.ts';
import { UserSubscriber } from '../features/users/user.subscriber.ts';
import type { Tasks } from '../jobs/tasks.ts';
import type { JobDeps } from '../jobs/worker.ts';
import { createDevMailbox, type DevMailbox } from '../mail/dev-mailbox.ts';
import { createMailer } from '../mail/mailer.ts';
import { mailTasks, resumeSchedule } from '../mail/outbox.ts';
import type { Log } from '../observability/log.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { logSecurityEvent } from '../observability/security-log.ts';
import type { RateLimiter } from '../rate-limit/limiter.ts';
import { openRateLimiter } from '../rate-limit/limiter.ts';
import { entities } from './entities.ts';
import { createServices, type Services } from './services.ts';

/**
 * `serve` migrates, and creates the embedded database and the keys where they are missing. `migrate`
 * migrates. `change` and `read` refuse a schema that is not the one of this release; `read` writes nothing.
 */
export type Purpose = 'serve' | 'migrate' | 'change' | 'read';

export interface AppContextOptions {
  readonly config: Config;
  readonly log: Log;
  /** The database's, unless another is given. */
  readonly clock?: Clock;
  /** Milliseconds that a mail server may be silent; commands have less patience than the server. */
  readonly smtpTimeoutMs?: number;
  /** With the database; that of a process that serves, unless another is given. */
  readonly timeouts?: DatabaseTimeouts;
  /** `serve`, unless another is given. */
  readonly purpose?: Purpose;
}

export interface AppContext extends Services {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly unitOfWork: UnitOfWork;
  readonly changeFeed: ChangeFeed;
  /** Undefined where attempts are not limited. */
  readonly rateLimiter: RateLimiter | undefined;
  readonly mailbox: DevMailbox;
  readonly jobs: JobDeps;
  /** Names of the migrations that were missing when the house was opened. */
  readonly migrated: readonly string[];
  close(): Promise<void>;
}

/** Opens the database, checks or migrates its schema, and creates the services. */
export async function createAppContext(surroundings: AppContextOptions): Promise<AppContext> {
  const { config, log, timeouts = serverTimeouts, purpose = 'serve' } = surroundings;
  await using opened = new AsyncDisposableStack();
  const connections = await openDatabase(surroundings, opened);
  const { database, direct } = connections;
  const isPooled = database !== direct;
  await checkDatabaseAtStart(connections);
  const metrics = createMetrics();
  const pools = new Map<'main' | 'jobs', Pool>();
  watchPools(metrics, pools);
  const orm = await openOrm(
    ormOptions(
      {
        database,
        isPooled,
        timeouts,
        onPool: (pool) => pools.set('main', pool),
        onNotice: (text) => log.debug({ component: 'database' }, text),
      },
      { entities, subscribers: [new UserSubscriber(), new OneTimePasswordSubscriber()] },
    ),
  );
  opened.defer(() => orm.close());
  const changeFeed = createChangeFeed({ database: direct, log, metrics });
  opened.defer(() => changeFeed.stop());
  const unitOfWork = createUnitOfWork(orm, changeFeed);
  const isMigrating = purpose === 'serve' || purpose === 'migrate';
  const findSecretKey = () => openSecretKey(config, purpose, unitOfWork.query);
  const complete = async (names: readonly string[]) => {
    if (!names.includes(auditChainsMigration)) return;
    await startAuditChains({ unitOfWork, log, secretKey: await findSecretKey() });
  };
  const migrated = isMigrating
    ? await migrateSchema({ orm, unitOfWork, direct, log, complete })
    : [];
  if (!isMigrating) await assertSchemaIsCurrent(unitOfWork);
  const secretKey = await unitOfWork.withEntityManager(findSecretKey);
  const rateLimiter = await openLimiter({ config, database, isPooled, timeouts, log, metrics });
  opened.defer(() => rateLimiter?.close());
  const clock =
    surroundings.clock ??
    opened.use(await followDatabaseClock({ query: unitOfWork.query, log })).now;
  const deps = { config, log, clock, metrics, secretKey, unitOfWork, changeFeed, rateLimiter };
  const services = createServices(deps);
  opened.defer(() => services.hasher.close());
  orm.em.getEventManager().registerSubscriber(new AuditSubscriber(services.audit));
  const { signingKeys } = services;
  await unitOfWork.withEntityManager(
    purpose === 'serve' ? signingKeys.loadOrCreate : signingKeys.load,
  );
  const mailbox = createDevMailbox(join(config.dataDirectory, 'mailbox'));
  const mailer = createMailer(config.mail, {
    mailbox,
    log,
    publicUrl: config.publicUrl,
    timeoutMs: surroundings.smtpTimeoutMs,
  });
  opened.defer(() => mailer.close());
  const { attemptLimits, sessions, cleanup, mailQueue } = services;
  const scheduled = [attemptLimits, sessions, cleanup, mailQueue];
  const tasks: Tasks[] = [
    mailTasks({ mailer, compose: services.composeMail, unitOfWork }),
    services.registrations.tasks,
    services.addresses.tasks,
    services.passwords.tasks,
    ...scheduled.map((it) => it.tasks),
  ];
  // One connection listens, one shows that we live, the others work.
  const max = 8;
  const jobsPool = openPool({ database: direct, name: 'jobs', max, timeouts, log });
  opened.defer(() => jobsPool.end());
  pools.set('jobs', jobsPool);
  const jobs = {
    pool: jobsPool,
    log,
    metrics,
    tasks: inContext(unitOfWork, tasks),
    schedule: [resumeSchedule, ...scheduled.map(({ schedule }) => schedule)].join('\n'),
  };
  const owned = opened.move();
  return {
    ...services,
    config,
    log,
    clock,
    metrics,
    unitOfWork,
    changeFeed,
    rateLimiter,
    mailbox,
    jobs,
    migrated,
    close: () => owned.disposeAsync(),
  };
}

/**
 * The configured key, or the one that is kept in the data directory. `serve` makes one where there is none,
 * and so does `migrate` for a database that was not migrated with another one.
 */
async function openSecretKey(
  { secretKey, dataDirectory }: Config,
  purpose: Purpose,
  query: UnitOfWork['query'],
): Promise<string> {
  if (secretKey !== undefined) return secretKey;
  if (purpose === 'serve') return keptSecretKey(dataDirectory);
  const kept = await findKeptSecretKey(dataDirectory);
  if (kept !== undefined) return kept;
  const [row] = await query<{ has_secrets: boolean }>(hasSecretsSql);
  return requiredSecretKey(dataDirectory, {
    isInUse: row?.has_secrets ?? true,
    isKept: purpose !== 'read',
  });
}

const hasSecretsSql = `select exists (select 1 from signing_keys)
  or exists (select 1 from audit_entries) as has_secrets`;

async function openDatabase(
  { config, log, purpose = 'serve' }: AppContextOptions,
  opened: AsyncDisposableStack,
): Promise<DatabaseConnections> {
  if (config.database !== undefined) return connectionsOf(config.database, config.directDatabase);
  if (purpose !== 'serve') await requireEmbeddedDatabase(config.dataDirectory);
  const embedded = await acquireEmbeddedDatabase({
    dataDirectory: config.dataDirectory,
    onNotice: (text) => log.info({ component: 'database' }, text),
  });
  opened.defer(() => embedded.release());
  return connectionsOf(parseDatabaseUrl(embedded.url), undefined);
}

/** LISTEN, locks of a session and prepared statements do not survive a pooler in transaction mode. */
function connectionsOf(
  database: DatabaseConnection,
  direct: DatabaseConnection | undefined,
): DatabaseConnections {
  const isPooled = direct !== undefined && !isDeepStrictEqual(database, direct);
  return { database, direct: isPooled ? direct : database };
}

async function openLimiter(deps: {
  readonly config: Config;
  readonly database: DatabaseConnection;
  readonly isPooled: boolean;
  readonly timeouts: DatabaseTimeouts;
  readonly log: Log;
  readonly metrics: Metrics;
}): Promise<RateLimiter | undefined> {
  const { rateLimits: limits, redisUrl } = deps.config;
  if (!limits) return undefined;
  const onRefused = (limit: LimitName) => {
    deps.metrics.count('rateLimited', limit);
    logSecurityEvent(deps.log, { event: 'attempt', outcome: 'refused', code: 'THROTTLED', limit });
  };
  return openRateLimiter({ ...deps, limits, redisUrl, onRefused });
}

/** A job is an edge: each opens a context of its own. */
function inContext(unitOfWork: UnitOfWork, tasks: readonly Tasks[]): Tasks {
  const all = tasks.flatMap((some) => Object.entries(some));
  return Object.fromEntries(
    all.map(([name, task]) => [
      name,
      (payload, job) => unitOfWork.withEntityManager(() => task(payload, job)),
    ]),
  );
}
