/**
 * PgBouncer in transaction mode: requests use the pooler, and session features use a direct connection.
 * Skipped if PgBouncer cannot be installed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentOf } from '../support/command.ts';
import { databaseLine, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { canRun } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { goodPassword, newAddress, person, tryLogin } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { quiet, startService, type TestService } from '../support/service.ts';
import { isIn, logOut, refresh } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

const isInstalled = canRun('pgbouncer', 'pgbouncer');
/** Few connections, so that a session that keeps one makes a test fail. */
const poolSize = 2;

describe.skipIf(!isInstalled)('with a pooler in transaction mode', () => {
  let database: TestDatabase;
  let directory: string;
  let pooler: ChildProcess;
  let replicas: TestService[];
  let pooledUrl: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    directory = makeScratchDirectory('pooler');
    const port = await freePort();
    const settings = join(directory, 'pgbouncer.ini');
    await writeFile(settings, settingsOf(database.url, port));
    await chmod(directory, 0o755); // PgBouncer does not run as root
    const user = process.getuid?.() === 0 ? ['--user', 'nobody'] : [];
    pooler = spawn('pgbouncer', [...user, settings], { stdio: 'ignore' });
    const url = new URL(database.url);
    url.port = String(port);
    pooledUrl = url.href;
    await until(() => answers(pooledUrl));
    const environment = { DATABASE_URL: pooledUrl, DATABASE_DIRECT_URL: database.url };
    const first = await startService({ database, environment });
    const second = await startService({ database, environment, mail: first.mail });
    replicas = [first, second];
  });

  afterAll(async () => {
    for (const replica of replicas.toReversed()) await replica.close();
    const ended = once(pooler, 'exit');
    pooler.kill('SIGKILL');
    await ended;
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  test('registration, login, refresh and logout work, and a logout reaches every replica', async () => {
    const [here, there] = replicas;
    if (!here || !there) throw new Error('no replicas');
    const ada = await person(here);
    const pair = await refresh(there, ada.refreshToken);
    if (!pair) throw new Error('the session has ended');
    expect(await isIn(there, pair.accessToken)).toBe(true);
    await logOut(here, pair.accessToken);
    await until(async () => !(await isIn(there, pair.accessToken)), 3000);
    await quiet(here);
  });

  test.each([
    ['DATABASE_URL', 'set DATABASE_DIRECT_URL to the database itself', {}],
    ['DATABASE_DIRECT_URL', 'it must lead to the database itself', { application_name: 'two' }],
  ])(
    'a service with a %s that leads to the pooler does not start, and the error names the remedy',
    async (variable, remedy, parameters) => {
      const pooled = new URL(pooledUrl);
      const direct = new URL(`?${new URLSearchParams(parameters)}`, pooledUrl);
      const environment = {
        DATABASE_URL: pooled.href,
        ...(variable === 'DATABASE_DIRECT_URL' ? { DATABASE_DIRECT_URL: direct.href } : {}),
      };
      const starting = startService({ database, environment });
      await expect(starting).rejects.toThrow(
        `${variable} leads to a pooler in transaction mode; ${remedy}`,
      );
    },
  );

  test('concurrent requests above the connections of the pooler all succeed', async () => {
    const [here] = replicas;
    if (!here) throw new Error('no replicas');
    const rename = (token: string, name: string) =>
      here.rest('PUT', '/profile/update/', { token, json: { first_name: name } });
    const { accessToken } = await person(here);
    const names = Array.from({ length: 16 }, (_, index) => `Ada ${index}`);
    const answers = await Promise.all(names.map((name) => rename(accessToken, name)));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
  });

  test('people are imported through the pooler, and log in', async () => {
    const [here] = replicas;
    if (!here) throw new Error('no replicas');
    const emails = Array.from({ length: 1200 }, newAddress);
    const passwordHash = await here.app.hasher.hash(goodPassword);
    const file = join(directory, 'people.jsonl');
    const lines = emails.map((email) => `${JSON.stringify({ email, passwordHash })}\n`);
    await writeFile(file, lines.join(''));
    const result = await runCommand(['import', 'users', file, '--json'], {
      environment: {
        ...environmentOf(database),
        DATABASE_URL: pooledUrl,
        DATABASE_DIRECT_URL: database.url,
      },
    });
    expect(result).toMatchObject({ code: 0, stderr: expect.stringMatching(databaseLine) });
    expect(JSON.parse(result.stdout)).toMatchObject({ read: 1200, created: 1200, refused: 0 });
    for (const replica of replicas)
      expect(await tryLogin(replica, emails.at(-1) ?? '')).toMatchObject({
        __typename: 'TokenPair',
      });
  });

  test('a role with other defaults is rejected, and the error has the statement that corrects them', async () => {
    const environment = { DATABASE_URL: pooledUrl, DATABASE_DIRECT_URL: database.url };
    const role = new URL(database.url).username;
    const scope = `${role} in database ${new URL(database.url).pathname.slice(1)}`;
    await database.query(`alter role ${scope} set default_transaction_isolation = 'serializable'`);
    try {
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name not in ('gatehouse-jobs', 'gatehouse-change-feed') and pid <> pg_backend_pid()`,
      );
      await expect(startService({ database, environment })).rejects.toThrow(
        `run: alter role "${role}" set default_transaction_isolation = 'read committed'`,
      );
    } finally {
      await database.query(`alter role ${scope} reset default_transaction_isolation`);
    }
  });
});

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function settingsOf(databaseUrl: string, port: number): string {
  const { hostname, port: serverPort, pathname, username, password } = new URL(databaseUrl);
  return `
[databases]
${pathname.slice(1)} = host=${hostname} port=${serverPort} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
ignore_startup_parameters = extra_float_digits
`;
}
