/** Upgrade of a database whose audit chains have no signed first entry. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { entities } from '../../../src/bootstrap/entities.ts';
import { parseDatabaseUrl } from '../../../src/config/database-url.ts';
import { deriveKey } from '../../../src/crypto/keys.ts';
import { openOrm, ormOptions } from '../../../src/database/orm.ts';
import { headMacOf, macOf } from '../../../src/features/audit/entry.ts';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { somebody } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { testSecretKey } from '../../support/secret-key.ts';
import { startService } from '../../support/service.ts';

const key = deriveKey(testSecretKey, 'audit-chain');
const migration = '20261128000011-audit-chains';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await undoMigration();
});
afterEach(() => database.drop());

/** Puts the database into the state before the migration, with empty chains. */
async function undoMigration(): Promise<void> {
  await database.query('alter table audit_entries disable trigger all');
  await database.query('delete from audit_entries');
  await database.query("update audit_chains set sequence = 0, mac = '', head_mac = ''");
  await database.query('alter table audit_entries drop column client');
  await database.query('delete from mikro_orm_migrations where name = $1', [migration]);
  await database.query('alter table audit_entries enable trigger all');
}

/** Inserts `count` entries in the former format. */
async function fill(chain: number, count: number): Promise<void> {
  let mac: Buffer = Buffer.alloc(0);
  for (let sequence = 1; sequence <= count; sequence += 1) {
    const entry = {
      id: randomUUID(),
      chain,
      sequence: String(sequence),
      at: new Date(),
      action: 'login',
      outcome: 'done' as const,
      code: null,
      actor_kind: 'system' as const,
      actor_id: null,
      target_type: null,
      target_id: null,
      request_id: null,
      subject_id: randomUUID(),
      details: Buffer.from('sealed'),
      previous_mac: mac,
    };
    mac = macOf(key, { ...entry, client: null });
    const columns = Object.keys({ ...entry, mac });
    const placeholders = columns.map((_, index) => `$${index + 1}`);
    await database.query(
      `insert into audit_entries (${columns.join(', ')}) values (${placeholders.join(', ')})`,
      Object.values({ ...entry, mac }),
    );
  }
  await database.query(
    'update audit_chains set sequence = $1, mac = $2, head_mac = $3 where chain = $4',
    [count, mac, headMacOf(key, chain, String(count), mac), chain],
  );
}

/** Upgrades the database, logs a user in, and returns the result of a verification. */
async function upgrade() {
  await using service = await startService({ database });
  await somebody(service);
  const { app } = service;
  const verification = await app.unitOfWork.withEntityManager(() => app.audit.verifier.verify());
  const found = verification.faults.map(({ kind, chain }) => `${kind} ${chain}`);
  return { migrated: app.migrated, entries: verification.entries, found };
}

test('J09: chains in use keep their entries, and all chains are started', async () => {
  await fill(3, 5);
  await fill(9, 1);
  expect(await upgrade()).toEqual({ migrated: [migration], entries: 6 + 16 + 1, found: [] });
});

test('J09: entries that were cut off before the upgrade are found after it', async () => {
  await fill(3, 5);
  await database.query('alter table audit_entries disable trigger all');
  await database.query('delete from audit_entries where chain = 3 and sequence = 5');
  await database.query(
    `update audit_chains set sequence = 4, mac = e.mac from audit_entries e
     where e.chain = 3 and e.sequence = 4 and audit_chains.chain = 3`,
  );
  expect(await upgrade()).toMatchObject({ found: ['CUT_OFF 3'] });
});

test('J09: a second run of the migration signs no emptied chains', async () => {
  const service = await startService({ database });
  await somebody(service);
  await service.close();
  await undoMigration();
  const { found } = await upgrade();
  expect(found).toHaveLength(16);
  expect(found).toEqual(expect.arrayContaining(['CUT_OFF 1', 'CUT_OFF 16']));
});

test('J09: chains that are signed again one by one are found', async () => {
  const service = await startService({ database });
  for (let round = 0; round < 40; round += 1) await somebody(service);
  await service.close();
  await database.query('alter table audit_entries disable trigger all');
  await database.query('delete from audit_entries where chain = 5');
  await database.query(
    "update audit_chains set sequence = 0, mac = '', head_mac = '' where chain = 5",
  );
  await database.query('alter table audit_entries drop column client');
  await database.query('delete from mikro_orm_migrations where name = $1', [migration]);
  const { found } = await upgrade();
  expect(found).toContain('NO_START 5');
});

test('J09: the command line of MikroORM is rejected, because it cannot sign', async () => {
  const orm = await openOrm(ormOptions({ database: parseDatabaseUrl(database.url) }, { entities }));
  await expect(orm.migrator.up()).rejects.toThrow('use "gatehouse migrate"');
  await orm.close();
});

test('J09: `migrate` without a key stores the key that it signs with, and does not replace another', async () => {
  const directory = makeScratchDirectory('upgrade');
  const { SECRET_KEY: _, ...environment } = environmentOf(database);
  const command = (...args: string[]) => runCommand(args, { environment, directory });
  await fill(3, 5);
  const rejected = await command('migrate');
  expect(rejected).toMatchObject({ code: 1, stdout: '' });
  expect(rejected.stderr).toContain('SECRET_KEY is not set');
  expect(
    await database.query('select * from mikro_orm_migrations where name = $1', [migration]),
  ).toEqual([]);

  await database.query('alter table audit_entries disable trigger all');
  await database.query('delete from audit_subject_keys');
  await database.query('delete from audit_entries');
  await database.query("update audit_chains set sequence = 0, mac = '', head_mac = ''");
  expect(await command('migrate')).toMatchObject({ code: 0, stderr: '' });
  expect(await command('audit', 'verify')).toMatchObject({ code: 0, stderr: '' });
  await rm(directory, { recursive: true });
});
