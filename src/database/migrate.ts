/**
 * Brings the database to the present schema, ours and the job queue's, under one advisory lock, so
 * that any number of replicas may start at once. It may take any time, and so may waiting for it.
 */
import { runMigrations } from 'graphile-worker';
import { Client, escapeIdentifier, Pool } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { explainConnectionError, type UrlVariable } from './connection-errors.ts';
import type { Orm } from './orm.ts';
import { clientConfig, unhurried } from './pool.ts';
import type { UnitOfWork } from './transaction.ts';

/** In the schema in which everything else is. */
export const migrationsTable = 'mikro_orm_migrations';

const withoutLimits = `
  select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('gatehouse.migrate', 'on', true)`;

/**
 * Names of the migrations that were missing. All of ours happen in one transaction, or none.
 *
 * @param direct leads to the database without a pooler: the job queue's are not made for one
 * @param complete runs in the same transaction with these names: what SQL cannot do by itself
 */
export async function migrate(
  orm: Orm,
  unitOfWork: UnitOfWork,
  direct: DatabaseConnection,
  complete: (names: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const inTurn = <Result>(work: () => Promise<Result>) =>
    unitOfWork.transaction(async () => {
      await unitOfWork.query(withoutLimits);
      await unitOfWork.lock('gatehouse:migrate');
      return work();
    });
  const work = async () => {
    // Committed first: MikroORM creates its table on a connection of its own.
    await inTurn(() => createSchema(unitOfWork, direct));
    return inTurn(async () => {
      await findExtension(unitOfWork);
      await migrateJobQueue(direct);
      const schema = await currentSchema(unitOfWork);
      // Where MikroORM creates its table, it has to look for it.
      const options = orm.config.get('migrations');
      orm.config.set('migrations', { ...options, tableName: `${schema}.${migrationsTable}` });
      const done = await orm.migrator.up({ transaction: orm.em.getTransactionContext() });
      const names = done.map(({ name }) => name);
      await complete(names);
      return names;
    });
  };
  return unhurried(() => unitOfWork.withEntityManager(work));
}

/** Creates the schema that the URL names, if there is none. */
async function createSchema(
  { query }: Pick<UnitOfWork, 'query'>,
  { schema }: DatabaseConnection,
): Promise<void> {
  if (schema === undefined) return;
  const [found] = await query('select 1 from pg_namespace where nspname = ?', [schema]);
  if (!found) await query(`create schema ${escapeIdentifier(schema)}`);
}

/** Lets migrations find the operator classes of pg_trgm in the schema where an administrator installed it. */
async function findExtension({ query }: Pick<UnitOfWork, 'query'>): Promise<void> {
  await query(`
    select set_config('search_path', current_setting('search_path') || ', ' || quote_ident(nspname), true)
    from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
    where extname = 'pg_trgm' and nspname <> all (current_schemas(true))`);
}

async function migrateJobQueue(direct: DatabaseConnection): Promise<void> {
  const pgPool = new Pool({ ...clientConfig(direct, 'migrate'), max: 2 });
  const ignore = () => undefined; // the statement under way reports it
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

/** Each server has it; only databases of other names can be created from it. */
const maintenanceDatabase = 'postgres';
const timeoutMilliseconds = 30_000;
const duplicateDatabase = '42P04';

/**
 * Creates it in UTF-8, owned by the user of the connection. Answers whether it was missing.
 *
 * @throws ConfigError, or the error of PostgreSQL, as for a role without CREATEDB
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
  client.on('error', () => undefined); // the statement under way reports it
  try {
    await client.connect();
    const name = client.escapeIdentifier(database);
    await client.query(`create database ${name} encoding 'UTF8' template template0`);
    return true;
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === duplicateDatabase;
    if (!isThere) throw explainConnectionError(error, connection, variable);
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
