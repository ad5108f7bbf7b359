/** Options of MikroORM, and the entity-manager context of a request. The entities are a parameter. */
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

/** Time for the user of a lost connection to release it. */
const releaseMilliseconds = 1000;

/**
 * Releases connections that were lost while in use. Kysely's controlled transactions (0.29) release a connection only
 * after a successful BEGIN, COMMIT or ROLLBACK, so every outage would reduce the pool permanently.
 */
function releaseLost(pool: Pool): void {
  pool.on('connect', (client: PoolClient) => {
    client.once('end', () => {
      setTimeout(() => {
        try {
          client.release(true);
        } catch {
          // It was released already.
        }
      }, releaseMilliseconds).unref();
    });
  });
}

/**
 * Releases a connection that opens while the pool is closed. Kysely (0.29) would forget it, and the pool would wait
 * for it forever.
 */
function releaseAtClose(pool: Pool): void {
  const connect: (...callback: unknown[]) => Promise<PoolClient> = pool.connect.bind(pool);
  const connectUnlessClosing = async () => {
    const client = await connect();
    if (!pool.ending) return client;
    client.release();
    throw new Error('connection ended: the database is being closed');
  };
  // Only `pool.query` has a callback, and releases its connection.
  Object.assign(pool, {
    connect: (...callback: unknown[]) =>
      callback.length > 0 ? connect(...callback) : connectUnlessClosing(),
  });
}

export type Orm = MikroORM;
export type Entities = readonly EntityClass<object>[];

export interface DatabaseSettings {
  readonly database: DatabaseConnection;
  /** Whether the connection goes through a pooler in transaction mode. */
  readonly isPooled?: boolean;
  readonly timeouts?: DatabaseTimeouts;
  /** Maximum number of connections. Few are enough, because no connection is held while a password is hashed. */
  readonly poolSize?: number;
  /** Called with the connection pool. */
  readonly onPool?: (pool: Pool) => void;
  /** Receives the log messages of MikroORM. */
  readonly onNotice?: (text: string) => void;
}

/** Options for the service and for the command line of MikroORM. */
export function ormOptions(
  settings: DatabaseSettings,
  model: { entities: Entities; subscribers?: readonly EventSubscriber[] },
): Options {
  const { database, timeouts = serverTimeouts, isPooled = false } = settings;
  return {
    driver: GatehouseDriver,
    dbName: database.database,
    entities: [...model.entities],
    subscribers: [...(model.subscribers ?? [])],
    namingStrategy: UnderscoreNamingStrategy,
    extensions: [Migrator],
    context: currentEntityManager,
    ensureDatabase: false, // a mistyped name must not create an empty database
    forceUtcTimezone: true,
    pool: { min: 0, max: settings.poolSize ?? 10 },
    driverOptions: {
      ...clientConfig(database, 'main'),
      ...connectionOptions(timeouts, isPooled),
      onPoolCreated: (pool: Pool) => {
        releaseLost(pool);
        releaseAtClose(pool);
        settings.onPool?.(pool);
      },
    },
    migrations: { migrationsList: migrations, snapshot: false, allOrNothing: true },
    debug: false, // statements would log addresses and digests of secrets
    schemaGenerator: { ignoreSchema: ['graphile_worker'] },
    logger: settings.onNotice ?? (() => undefined),
  };
}

/** @throws Error when the database cannot be reached */
export async function openOrm(options: Options): Promise<Orm> {
  return MikroORM.init(options);
}

interface EntityManagerContext {
  readonly global: EntityManager;
  /**
   * Created at the first use: most requests need none, and MikroORM's own `RequestContext`, which always creates one,
   * takes 35 of the 198 µs of `me` as Apollo Client sends it.
   */
  fork?: EntityManager;
}

const contexts = new AsyncLocalStorage<EntityManagerContext>();

/** Runs `work` and everything it starts in an entity-manager context with its own identity map. */
export function withEntityManager<Result>(em: EntityManager, work: () => Result): Result {
  return contexts.run({ global: em }, work);
}

/** For MikroORM's option `context`; undefined outside of `withEntityManager`. */
function currentEntityManager(): EntityManager | undefined {
  const context = contexts.getStore();
  if (!context) return undefined;
  // `fork()` itself asks for the current context, so it runs outside of one.
  context.fork ??= contexts.exit(() =>
    context.global.fork({ useContext: true, disableContextResolution: true }),
  );
  return context.fork;
}
