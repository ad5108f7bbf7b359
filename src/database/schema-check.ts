/** Compares the schema of the database with the one that this release needs, and migrates it on request. */
import type { DatabaseConnection } from '../config/database-url.ts';
import type { Log } from '../observability/log.ts';
import { type MigrationState, readMigrationState } from './inspect.ts';
import { migrate } from './migrate.ts';
import type { Orm } from './orm.ts';
import type { UnitOfWork } from './transaction.ts';

export interface SchemaOptions {
  readonly orm: Orm;
  readonly unitOfWork: UnitOfWork;
  /** Connects to the database without a pooler. */
  readonly direct: DatabaseConnection;
  readonly log: Log;
  /** Runs in the transaction of the migrations, with their names. */
  readonly complete: (names: readonly string[]) => Promise<void>;
}

/** Applies the missing migrations and returns their names. */
export async function migrateSchema(options: SchemaOptions): Promise<readonly string[]> {
  const { orm, unitOfWork, direct, log, complete } = options;
  const applied = await migrate(orm, unitOfWork, direct, complete);
  if (applied.length > 0) log.info({ migrations: applied }, 'database migrated');
  const { unknown } = await unitOfWork.withEntityManager(() =>
    readMigrationState(unitOfWork.query),
  );
  if (unknown.length > 0) log.warn({ migrations: unknown }, newerSchema);
  return applied;
}

const newerSchema = 'the database was migrated by a newer release';

/** @throws Error that names the migrations, when the schema is older or newer than this release */
export async function assertSchemaIsCurrent({
  query,
  withEntityManager,
}: UnitOfWork): Promise<void> {
  const message = describeMismatch(await withEntityManager(() => readMigrationState(query)));
  if (message !== undefined) throw new Error(message);
}

/** The difference and its remedy; undefined when the schema is current. */
function describeMismatch({ isEmpty, pending, unknown }: MigrationState): string | undefined {
  if (unknown.length > 0) {
    return `A newer release has migrated this database (${unknown.join(', ')}). Use that release or a newer one.`;
  }
  if (pending.length === 0) return undefined;
  const state = isEmpty ? 'The database is empty' : 'The database is older than this release';
  return `${state}. Missing migrations: ${pending.join(', ')}.\nApply them with: npx gatehouse migrate`;
}
