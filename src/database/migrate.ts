/**
 * Migrates the schema of the service and of the job queue under one advisory lock, so that replicas can start at the
 * same time. Neither the migration nor the waiting for the lock has a timeout.
 */
import { runMigrations } from 'graphile-worker';
import { Client, escapeIdentifier, Pool } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { explainConnectionError, type UrlVariable } from './connection-errors.ts';
import type { Orm } from './orm.ts';
import { clientConfig, withoutSilenceTimeout } from './pool.ts';
import type { UnitOfWork } from './transaction.ts';

/** In the same schema as the other tables. */
export const migrationsTable = 'mikro_orm_migrations';

const disableTimeoutsSql = `
  select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('gatehouse.migrate', 'on', true)`;

/**
 * Applies the missing migrations in one transaction and returns their names.
 *
 * @param direct connects to the database without a pooler, because the migrations of the job queue need a session
 * @param complete runs in the same transaction with these names, for work that SQL cannot do
 */
export async function migrate(
  orm: Orm,
  unitOfWork: UnitOfWork,
  direct: DatabaseConnection,
  complete: (names: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const locked = <Result>(work: () => Promise<Result>) =>
    unitOfWork.transaction(async () => {
      await unitOfWork.query(disableTimeoutsSql);
      await unitOfWork.lock('gatehouse:migrate');
      return work();
    });
  const work = async () => {
    // Committed first, because MikroORM creates its table on another connection.
    await locked(() => createSchema(unitOfWork, direct));
    return locked(async () => {
      await addExtensionToSearchPath(unitOfWork);
      await migrateJobQueue(direct);
      const schema = await currentSchema(unitOfWork);
      // MikroORM has to search its table in the schema in which it creates it.
      const options = orm.config.get('migrations');
      orm.config.set('migrations', { ...options, tableName: `${schema}.${migrationsTable}` });
      const applied = await orm.migrator.up({ transaction: orm.em.getTransactionContext() });
      const names = applied.map(({ name }) => name);
      await complete(names);
      return names;
    });
  };
  return withoutSilenceTimeout(() => unitOfWork.withEntityManager(work));
}

/** Creates the schema that the URL names, unless it exists. */
async function createSchema(
  { query }: Pick<UnitOfWork, 'query'>,
  { schema }: DatabaseConnection,
): Promise<void> {
  if (schema === undefined) return;
  const [found] = await query('select 1 from pg_namespace where nspname = ?', [schema]);
  if (!found) await query(`create schema ${escapeIdentifier(schema)}`);
}

/** pg_trgm may be installed in another schema; migrations need its operator classes. */
async function addExtensionToSearchPath({ query }: Pick<UnitOfWork, 'query'>): Promise<void> {
  await query(`
    select set_config('search_path', current_setting('search_path') || ', ' || quote_ident(nspname), true)
    from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
    where extname = 'pg_trgm' and nspname <> all (current_schemas(true))`);
}

async function migrateJobQueue(direct: DatabaseConnection): Promise<void> {
  const pgPool = new Pool({ ...clientConfig(direct, 'migrate'), max: 2 });
  const ignore = () => undefined; // the current statement reports it
  pgPool.on('error', ignore);
  pgPool.on('connect', (client) => client.on('error', ignore));
  try {
    await runMigrations({ pgPool });
  } finally {
    await pgPool.end();
  }
}

async function currentSchema({ query }: Pick<UnitOfWork, 'query'>): Promise<string> {
  const [row] = await query<{ schema: string }>('select current_schema() as schema');
  if (!row?.schema) throw new Error('no schema of the search_path exists');
  return row.schema;
}

/** A database that every server has; `create database` is executed in it. */
const maintenanceDatabase = 'postgres';
const timeoutMilliseconds = 30_000;
const duplicateDatabase = '42P04';

/**
 * Creates the database in UTF-8, owned by the user of the connection. Returns false when it exists already.
 *
 * @throws ConfigError, or the error of PostgreSQL, such as for a role without CREATEDB
 */
export async function createDatabase(
  connection: DatabaseConnection,
  variable: UrlVariable,
): Promise<boolean> {
  const { database } = connection;
  const client = new Client({
    ...clientConfig({ ...connection, database: maintenanceDatabase }, 'create'),
    connectionTimeoutMillis: timeoutMilliseconds,
    query_timeout: timeoutMilliseconds,
  });
  client.on('error', () => undefined); // the current statement reports it
  try {
    await client.connect();
    const name = client.escapeIdentifier(database);
    await client.query(`create database ${name} encoding 'UTF8' template template0`);
    return true;
  } catch (error) {
    const isExisting =
      error instanceof Error && 'code' in error && error.code === duplicateDatabase;
    if (!isExisting) throw explainConnectionError(error, connection, variable);
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
