/** Checks of `doctor` in the database: connection, clock, migrations, signing keys, mails and server processes. */
import { access } from 'node:fs/promises';
import type { Config } from '../../../config/config.ts';
import {
  type DatabaseConnection,
  isSocket,
  parseDatabaseUrl,
} from '../../../config/database-url.ts';
import type { UrlVariable } from '../../../database/connection-errors.ts';
import {
  findLiveProcesses,
  findPoolEncryption,
  type Inspection,
  inspectDatabase,
  type MigrationState,
  readMigrationState,
} from '../../../database/inspect.ts';
import { acquireEmbeddedDatabase } from '../../../embedded-postgres/embedded.ts';
import { embeddedPaths } from '../../../embedded-postgres/paths.ts';
import { createJobQueue } from '../../../jobs/queue.ts';
import { mailTask } from '../../../mail/outbox.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';
import { checkPasswordHashes } from './password-hashes.ts';
import { checkKeys } from './signing-keys.ts';

const oldestVersion = 14;
const clockSkewSeconds = { warn: 2, fail: 30 };
const mailDelaySeconds = 600;
const heartbeatTimeoutSeconds = 5;

/** One finding if the database is unavailable or not created yet; else all findings. */
export async function checkDatabase(config: Config): Promise<Finding[]> {
  await using opened = new AsyncDisposableStack();
  try {
    const connection = config.database ?? (await joinExistingDatabase(config, opened));
    if (!connection) return [ok('database', 'the embedded database is created at the first start')];
    const inspection = await inspectDatabase(connection, 'DATABASE_URL');
    opened.defer(() => inspection.close());
    return await checkContents(inspection, { config, connection });
  } catch (error) {
    const remedy = 'check that it runs, and check DATABASE_URL';
    return [fail('database', reasonOf(error), remedy)];
  }
}

/** The connection without a pooler, which the change feed and the jobs need. */
export async function checkDirectConnection({ directDatabase }: Config): Promise<Finding[]> {
  if (directDatabase === undefined) return [];
  const check = 'pooler bypass';
  try {
    const inspection = await inspectDatabase(directDatabase, 'DATABASE_DIRECT_URL');
    const tls = await checkTls(inspection, directDatabase, 'DATABASE_DIRECT_URL');
    await inspection.close();
    return [ok(check, `answers, in ${Math.round(inspection.milliseconds)} ms`), tls];
  } catch (error) {
    const remedy = 'set DATABASE_DIRECT_URL to the database itself, without the pooler';
    return [fail(check, reasonOf(error), remedy)];
  }
}

/** Joins the embedded database; undefined if it does not exist, as `doctor` creates nothing. */
async function joinExistingDatabase(
  { dataDirectory }: Config,
  opened: AsyncDisposableStack,
): Promise<DatabaseConnection | undefined> {
  const isCreated = await access(embeddedPaths(dataDirectory).home).then(
    () => true,
    () => false,
  );
  if (!isCreated) return undefined;
  const embedded = await acquireEmbeddedDatabase({ dataDirectory });
  opened.defer(() => embedded.release());
  return parseDatabaseUrl(embedded.url);
}

async function checkContents(
  inspection: Inspection,
  { config, connection }: { config: Config; connection: DatabaseConnection },
): Promise<Finding[]> {
  const tls = await checkTls(inspection, connection, 'DATABASE_URL');
  const migrations = await readMigrationState(inspection.query);
  const general = [
    checkVersion(inspection),
    ...(config.database ? [tls] : []),
    checkClock(inspection.clockAheadSeconds),
    checkMigrations(migrations),
  ];
  if (migrations.isEmpty) return general;
  return [
    ...general,
    await checkKeys(inspection, config),
    ...(await checkPasswordHashes(inspection)),
    await checkMails(inspection),
    ...(await checkProcesses(inspection, config.directDatabase ?? connection)),
  ];
}

function checkVersion({ versionNumber, version, milliseconds }: Inspection): Finding {
  return versionNumber >= oldestVersion * 10_000
    ? ok('database', `PostgreSQL ${version} answers, in ${Math.round(milliseconds)} ms`)
    : fail(
        'database',
        `PostgreSQL ${version} is too old`,
        `upgrade it to ${oldestVersion} or newer`,
      );
}

function checkClock(ahead: number): Finding {
  const distance = Math.abs(ahead);
  const what = `the clock of the database is ${distance.toFixed(1)} s ${ahead < 0 ? 'behind' : 'ahead of'} the clock of this machine`;
  const remedy = 'synchronize both machines with a time server (NTP)';
  if (distance > clockSkewSeconds.fail) return fail('clock', what, remedy);
  return distance > clockSkewSeconds.warn ? warn('clock', what, remedy) : ok('clock', what);
}

function checkMigrations({ isEmpty, pending, unknown }: MigrationState): Finding {
  const check = 'migrations';
  if (unknown.length > 0) {
    const what = `a newer release migrated the database: ${unknown.join(', ')}`;
    return fail(check, what, 'run that release or a newer one');
  }
  const remedy = 'run npx gatehouse migrate, or start the server, which applies them';
  if (isEmpty) return warn(check, 'the database is empty', remedy);
  return pending.length > 0
    ? warn(check, `missing: ${pending.join(', ')}`, remedy)
    : ok(check, 'all are applied');
}

async function checkMails({ query }: Inspection): Promise<Finding> {
  const check = 'mail queue';
  const { waiting, retrying, dead, oldestSeconds } = await createJobQueue({ query }).stats(
    mailTask,
  );
  const what = `${waiting} waiting, ${retrying} retrying, ${dead} dead`;
  if (dead > 0) {
    return warn(
      check,
      what,
      'npx gatehouse mail list --dead shows the reasons; mail resend sends them again',
    );
  }
  return oldestSeconds > mailDelaySeconds
    ? warn(
        check,
        `${what}; the oldest waits ${Math.round(oldestSeconds / 60)} minutes`,
        'npx gatehouse mail list shows the reasons',
      )
    : ok(check, what);
}

async function checkProcesses(
  { query }: Inspection,
  direct: DatabaseConnection,
): Promise<Finding[]> {
  const live = await findLiveProcesses(query, direct);
  if (live.feeds === 0) {
    const what = 'no server process is connected to this database';
    return [warn('server', what, 'start it: npx gatehouse serve')];
  }
  return [
    live.silentSeconds > heartbeatTimeoutSeconds
      ? warn(
          'change feed',
          `a process has sent no heartbeat for ${Math.round(live.silentSeconds)} s`,
          'read its log; restart it if it hangs',
        )
      : ok('change feed', `server processes with a heartbeat: ${live.feeds}`),
    live.workers > 0
      ? ok('jobs', 'a server process runs them')
      : warn('jobs', 'no server process runs them, and mails are not sent', 'restart the server'),
  ];
}

const check = 'database TLS';
const localHosts = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

async function checkTls(
  { tlsVersion, query }: Inspection,
  connection: DatabaseConnection,
  variable: UrlVariable,
): Promise<Finding> {
  const { encrypted, plain } = await findPoolEncryption(query, connection);
  const pools = encrypted.length > 0 ? `; running pools: ${encrypted.join(', ')}` : '';
  if (tlsVersion === undefined) return withoutTls(connection, variable);
  if (plain.length > 0) {
    const what = `${variable}: connection pools of running processes use plain text: ${plain.join(', ')}`;
    return fail(check, what, 'restart those processes with this configuration');
  }
  const what = `${variable}: on (${tlsVersion}, sslmode=${connection.tls?.mode})${pools}`;
  return connection.tls?.mode === 'require'
    ? warn(check, `${what}; the server's certificate is not checked`, 'set sslmode=verify-full')
    : ok(check, what);
}

function withoutTls({ host }: DatabaseConnection, variable: UrlVariable): Finding {
  if (isSocket(host) || localHosts.test(host)) {
    return ok(check, `${variable}: off; the database is on this machine`);
  }
  const what = `${variable}: off; password hashes and token digests travel to ${host} in plain text`;
  return warn(check, what, `add ?sslmode=verify-full to ${variable}`);
}
