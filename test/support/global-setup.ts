/** Before all tests: a real PostgreSQL in a temporary directory, with a migrated database to clone. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { entities } from '../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openOrm, ormOptions } from '../../src/database/orm.ts';
import { createUnitOfWork } from '../../src/database/transaction.ts';
import { acquireEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts';
import { embeddedPaths } from '../../src/embedded-postgres/paths.ts';
import { startAuditChains } from '../../src/features/audit/start-chains.ts';
import { createLog } from '../../src/observability/log.ts';
import { copyCluster, makeClusterTemplate } from './cluster.ts';
import { makeScratchDirectory } from './scratch.ts';
import { testSecretKey } from './secret-key.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the database to clone, which has no connections. */
    templateUrl: string;
  }
}

const speed = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '256MB',
  // Autovacuum would process the databases of all files.
  autovacuum: 'off',
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const removeTemplate = await makeClusterTemplate();
  const given = process.env.TEST_DATABASE_URL;
  const server = given === undefined ? await startEmbedded() : { url: given, stop: async () => {} };
  const template = new URL(server.url);
  template.pathname = '/gatehouse_template';
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await admin.query('drop database if exists gatehouse_template');
  await admin.query('create database gatehouse_template');
  await admin.end();
  await migrateTemplate(template.href);
  await storeCatalogCache(template.href);
  project.provide('templateUrl', template.href);
  return async () => {
    await server.stop();
    await removeTemplate();
  };
}

async function startEmbedded() {
  const dataDirectory = makeScratchDirectory('test');
  await copyCluster(dataDirectory);
  await trustPasswords(dataDirectory);
  const embedded = await acquireEmbeddedDatabase({ dataDirectory, settings: speed });
  const stop = async () => {
    await embedded.release();
    await rm(dataDirectory, { recursive: true, force: true });
  };
  return { url: embedded.url, stop };
}

/** Without the check of passwords a new connection needs fewer messages. Tests open thousands. */
async function trustPasswords(dataDirectory: string): Promise<void> {
  const file = join(embeddedPaths(dataDirectory).cluster, 'pg_hba.conf');
  const rules = await readFile(file, 'utf8');
  await writeFile(file, rules.replaceAll('scram-sha-256', 'trust'));
}

/**
 * The first connection after the migrations stores the cache of the catalog (pg_internal.init) with the database, and
 * each copy has it. Otherwise the first connections of each copy build it.
 */
async function storeCatalogCache(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('select 1');
  await client.end();
}

async function migrateTemplate(databaseUrl: string): Promise<void> {
  const database = parseDatabaseUrl(databaseUrl);
  const orm = await openOrm(ormOptions({ database }, { entities }));
  const unitOfWork = createUnitOfWork(orm);
  const log = createLog({ isReadable: false, level: 'fatal' });
  await migrate(orm, unitOfWork, database, () =>
    startAuditChains({ unitOfWork, log, secretKey: testSecretKey }),
  );
  await orm.close();
}
