/** How MikroORM is set up; knows no entity by name. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { Migrator } from '@mikro-orm/migrations';
import {
  type EntityClass,
  type EntityManager,
  type EventSubscriber,
  MikroORM,
  type Options,
  UnderscoreNamingStrategy,
} from '@mikro-orm/postgresql';
import type { Pool, PoolClient } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { GatehouseDriver } from './driver.ts';
import { migrations } from './migrations/migrations.ts';
import { clientConfig, connectionOptions } from './pool.ts';
import { type DatabaseTimeouts, serverTimeouts } from './timeouts.ts';

/** Milliseconds for whoever holds a connection to notice by themselves that it is lost. */
const noticeMilliseconds = 1000;

/**
 * Takes back connections that were lost while they were in use. Kysely's controlled transactions
 * (0.29) give theirs back only when BEGIN, COMMIT or ROLLBACK succeeds, which it does not on a
 * lost one; without this every outage would use up some of the pool for good.
 */
function takeBackLost(pool: Pool): void {
  pool.on('connect', (client: PoolClient) => {
    client.once('end', () => {
      setTimeout(() => {
        try {
          client.release(true);
        } catch {
          // It was given back already.
        }
      }, noticeMilliseconds).unref();
    });
  });
}

export type Orm = MikroORM;
export type Entities = readonly EntityClass<object>[];

export interface DatabaseSettings {
  readonly database: DatabaseConnection;
  /** Whether a pooler stands before the database. */
  readonly isPooled?: boolean;
  readonly timeouts?: DatabaseTimeouts;
  /** Connections at most; a hash never holds one, so few are enough. */
  readonly poolSize?: number;
  /** Told of the pool of connections. */
  readonly onPool?: (pool: Pool) => void;
  /** What the ORM has to say, none of it needed. */
  readonly onNotice?: (text: string) => void;
}

/** Options for the service and for the MikroORM command line alike. */
export function ormOptions(
  settings: DatabaseSettings,
  parts: { entities: Entities; subscribers?: readonly EventSubscriber[] },
): Options {
  const { database, timeouts = serverTimeouts, isPooled = false } = settings;
  return {
    driver: GatehouseDriver,
    dbName: database.database,
    entities: [...parts.entities],
    subscribers: [...(parts.subscribers ?? [])],
    namingStrategy: UnderscoreNamingStrategy,
    extensions: [Migrator],
    ensureDatabase: false, // a mistyped name must not become a new, empty database
    context: currentEntityManager,
    forceUtcTimezone: true,
    pool: { min: 0, max: settings.poolSize ?? 10 },
    driverOptions: {
      ...clientConfig(database, 'main'),
      ...connectionOptions(timeouts, isPooled),
      onPoolCreated: (pool: Pool) => {
        takeBackLost(pool);
        settings.onPool?.(pool);
      },
    },
    migrations: { migrationsList: migrations, snapshot: false, allOrNothing: true },
    // Queries may carry secrets' digests and addresses; the log has no use for them.
    debug: false,
    schemaGenerator: { ignoreSchema: ['graphile_worker'] },
    logger: settings.onNotice ?? (() => undefined),
  };
}

/** Connects, and refuses when the database cannot be reached. */
export async function openOrm(options: Options): Promise<Orm> {
  return MikroORM.init(options);
}

interface Fork {
  readonly of: EntityManager;
  made?: EntityManager;
  /** A fork in the making asks for the one at hand itself. */
  isMaking?: true;
}

const storage = new AsyncLocalStorage<Fork>();

/** Runs `work`, and all that it starts, with a fork of `em` of its own. */
export function withEntityManager<Result>(em: EntityManager, work: () => Result): Result {
  return storage.run({ of: em }, work);
}

/** The fork at hand, for MikroORM's option `context`; none outside of `withFork`. */
function currentEntityManager(): EntityManager | undefined {
  const fork = storage.getStore();
  if (!fork || fork.made || fork.isMaking) return fork?.made;
  fork.isMaking = true;
  fork.made = fork.of.fork({ useContext: true, disableContextResolution: true });
  return fork.made;
}
