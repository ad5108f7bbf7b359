/** How MikroORM is set up; knows no entity by name. */

import { Migrator } from '@mikro-orm/migrations';
import {
  type EntityClass,
  type EventSubscriber,
  MikroORM,
  type Options,
  UnderscoreNamingStrategy,
} from '@mikro-orm/postgresql';
import { migrations } from './migrations/migrations.ts';

export type Orm = MikroORM;
export type Entities = readonly EntityClass<object>[];

export interface DatabaseSettings {
  readonly databaseUrl: string;
  /** Connections at most; a hash never holds one, so few are enough. */
  readonly poolSize?: number;
  /** What the ORM has to say, none of it needed. */
  readonly onNotice?: (text: string) => void;
}

/** Options for the service and for the MikroORM command line alike. */
export function ormOptions(
  settings: DatabaseSettings,
  parts: { entities: Entities; subscribers?: readonly EventSubscriber[] },
): Options {
  return {
    clientUrl: settings.databaseUrl,
    entities: [...parts.entities],
    subscribers: [...(parts.subscribers ?? [])],
    namingStrategy: UnderscoreNamingStrategy,
    extensions: [Migrator],
    forceUtcTimezone: true,
    pool: { min: 0, max: settings.poolSize ?? 10 },
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
