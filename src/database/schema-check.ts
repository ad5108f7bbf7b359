/** Compares the schema of the database with the one that this release needs, and migrates only when told to. */
import type { DatabaseConnection } from '../config/database-url.ts';
import type { Log } from '../observability/log.ts';
import { type MigrationState, migrationStateOf } from './inspect.ts';
import { migrate } from './migrate.ts';
import type { Orm } from './orm.ts';
import type { UnitOfWork } from './transaction.ts';

export interface SchemaOptions {
  readonly orm: Orm;
  readonly unitOfWork: UnitOfWork;
  /** Leads to the database without a pooler. */
  readonly direct: DatabaseConnection;
  readonly log: Log;
  /** Runs in the transaction of the migrations, with their names. */
  readonly complete: (names: readonly string[]) => Promise<void>;
}

/** Brings the schema up to date, and returns the names of the migrations that were missing. */
export async function migrateSchema(options: SchemaOptions): Promise<readonly string[]> {
  const { orm, unitOfWork, direct, log, complete } = options;
  const done = await migrate(orm, unitOfWork, direct, complete);
  if (done.length > 0) log.info({ migrations: done }, 'database migrated');
  const { unknown } = await unitOfWork.withEntityManager(() => migrationStateOf(unitOfWork.query));
  if (unknown.length > 0) log.warn({ migrations: unknown }, newerSchema);
  return done;
}

const newerSchema = 'the database was migrated by a newer release';

/** @throws Error that names the migrations, when the schema is older or newer than this release */
export async function assertSchemaIsCurrent({
  query,
  withEntityManager,
}: UnitOfWork): Promise<void> {
  const message = schemaMismatch(await withEntityManager(() => migrationStateOf(query)));
  if (message !== undefined) throw new Error(message);
}

/** What is wrong with the schema and how to mend it; undefined when it is the right one. */
function schemaMismatch({ isEmpty, pending, unknown }: MigrationState): string | undefined {
  if (unknown.length > 0) {
    return `A newer release has migrated this database (${unknown.join(', ')}). Use that release or a newer one.`;
  }
  if (pending.length === 0) return undefined;
  const state = isEmpty ? 'The database is empty' : 'The database is older than this release';
  return `${state}. Missing migrations: ${pending.join(', ')}.\nApply them with: npx gatehouse migrate`;
}
