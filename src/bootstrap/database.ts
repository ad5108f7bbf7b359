/** Opens the database of the configuration or the embedded one, and checks or migrates its schema. */
import { isDeepStrictEqual } from 'node:util';
import type { Pool } from 'pg';
import type { Config } from '../config/config.ts';
import { type DatabaseConnection, parseDatabaseUrl } from '../config/database-url.ts';
import { type ChangeFeed, createChangeFeed } from '../database/change-feed.ts';
import { auditChainsMigration } from '../database/migrations/20261128000011-audit-chains.ts';
import { type Orm, openOrm, ormOptions } from '../database/orm.ts';
import { assertSchemaIsCurrent, migrateSchema } from '../database/schema-check.ts';
import { checkDatabaseAtStart, type DatabaseConnections } from '../database/start-check.ts';
import type { DatabaseTimeouts } from '../database/timeouts.ts';
import { createUnitOfWork, type UnitOfWork } from '../database/transaction.ts';
import { acquireEmbeddedDatabase, requireEmbeddedDatabase } from '../embedded-postgres/embedded.ts';
import { startAuditChains } from '../features/audit/start-chains.ts';
import { OneTimePasswordSubscriber } from '../features/one-time-passwords/one-time-password.subscriber.ts';
import { UserSubscriber } from '../features/users/user.subscriber.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { entities } from './entities.ts';
import type { Purpose } from './options.ts';

export interface DatabaseDeps {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly timeouts: DatabaseTimeouts;
  readonly purpose: Purpose;
  /** Receives the main pool. */
  readonly onPool: (pool: Pool) => void;
  /** Closes the connections again. */
  readonly opened: AsyncDisposableStack;
}

export interface Database extends DatabaseConnections {
  readonly isPooled: boolean;
  readonly orm: Orm;
  readonly changeFeed: ChangeFeed;
  readonly unitOfWork: UnitOfWork;
}

/** Connects, and checks the settings of the server. The schema stays as it is. */
export async function openDatabase(deps: DatabaseDeps): Promise<Database> {
  const { log, metrics, timeouts, opened, onPool } = deps;
  const { database, direct } = await findDatabase(deps);
  const isPooled = database !== direct;
  await checkDatabaseAtStart({ database, direct });
  const onNotice = (text: string) => log.debug({ component: 'database' }, text);
  const orm = await openOrm(
    ormOptions(
      { database, isPooled, timeouts, onPool, onNotice },
      { entities, subscribers: [new UserSubscriber(), new OneTimePasswordSubscriber()] },
    ),
  );
  opened.defer(() => orm.close());
  const changeFeed = createChangeFeed({ database: direct, log, metrics });
  opened.defer(() => changeFeed.stop());
  const unitOfWork = createUnitOfWork(orm, { changeFeed, isPooled });
  return { database, direct, isPooled, orm, changeFeed, unitOfWork };
}

async function findDatabase({
  config,
  log,
  purpose,
  opened,
}: DatabaseDeps): Promise<DatabaseConnections> {
  if (config.database !== undefined) return connectionsTo(config.database, config.directDatabase);
  if (purpose !== 'serve') await requireEmbeddedDatabase(config.dataDirectory);
  const embedded = await acquireEmbeddedDatabase({
    dataDirectory: config.dataDirectory,
    onNotice: (text) => log.info({ component: 'database' }, text),
  });
  opened.defer(() => embedded.release());
  return connectionsTo(parseDatabaseUrl(embedded.url), undefined);
}

/** LISTEN, session locks and prepared statements need a connection without a pooler in transaction mode. */
function connectionsTo(
  database: DatabaseConnection,
  direct: DatabaseConnection | undefined,
): DatabaseConnections {
  const isPooled = direct !== undefined && !isDeepStrictEqual(database, direct);
  return { database, direct: isPooled ? direct : database };
}

/**
 * Migrates the schema for `serve` and `migrate`, and checks it for the other purposes.
 *
 * @returns the names of the migrations that were applied
 * @throws Error when the schema is not the schema of this release
 */
export async function prepareSchema(
  { orm, unitOfWork, direct }: Database,
  deps: {
    readonly log: Log;
    readonly purpose: Purpose;
    readonly findSecretKey: () => Promise<string>;
  },
): Promise<readonly string[]> {
  const { log, purpose, findSecretKey } = deps;
  if (purpose !== 'serve' && purpose !== 'migrate') {
    await assertSchemaIsCurrent(unitOfWork);
    return [];
  }
  const complete = async (names: readonly string[]) => {
    if (!names.includes(auditChainsMigration)) return;
    await startAuditChains({ unitOfWork, log, secretKey: await findSecretKey() });
  };
  return migrateSchema({ orm, unitOfWork, direct, log, complete });
}
