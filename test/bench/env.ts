/** The environment of the benchmark: a PostgreSQL server, a mail server and a directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { acquireEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts';
import { startMailServer } from '../support/mail-server.ts';
import { gatehouseCommand, postgresParent, type ServerProcess, startServer } from './process.ts';
import type { Effort } from './sampling.ts';

export interface BenchDatabase {
  readonly url: string;
  readonly pool: Pool;
}

export interface BenchEnv extends AsyncDisposable {
  readonly isQuick: boolean;
  readonly effort: Effort;
  /** Monotonic milliseconds at which a mail to the address has been accepted. */
  arrivalOf(address: string): Promise<number>;
  readonly directory: string;
  /** The version of PostgreSQL. */
  readonly postgresql: string;
  /** Creates an empty database of this name, which is dropped at the end. */
  database(name: string): Promise<BenchDatabase>;
  /** The environment variables of a server or a command on the database. */
  environmentOf(database: BenchDatabase): Readonly<Record<string, string>>;
  /** A Gatehouse server, migrated and ready. */
  gatehouse(
    database: BenchDatabase,
    environment?: Readonly<Record<string, string>>,
  ): Promise<ServerProcess>;
}

/** The secret key of this run. */
const secretKey = 'benchmark-only-key-0123456789-abcdefghijkl';

const efforts = {
  full: { rounds: 5, seconds: 6, warmUpSeconds: 8 },
  quick: { rounds: 3, seconds: 2, warmUpSeconds: 3 },
} satisfies Record<string, Effort>;

/** @param databaseUrl URL of a PostgreSQL server as a superuser; without it an embedded one is started */
export async function openBenchEnv(isQuick: boolean, databaseUrl?: string): Promise<BenchEnv> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const serverUrl = databaseUrl ?? (await startEmbedded(join(directory, 'database'), opened));
  const admin = await connect(serverUrl);
  opened.defer(() => admin.end());
  const { rows } = await admin.query<{ server_version: string }>('show server_version');
  const databasePid = await firstProcess(admin);
  const arrivals = new Map<string, PromiseWithResolvers<number>>();
  const mail = await startMailServer({
    onData(stream, { envelope }, done) {
      stream.resume().once('end', () => {
        done();
        for (const { address } of envelope.rcptTo) {
          arrivals.get(address)?.resolve(performance.now());
        }
      });
    },
  });
  opened.defer(() => mail.close());
  const pools = new Map<string, Pool>();
  opened.defer(async () => {
    for (const [name, pool] of pools) {
      await pool.end();
      await admin.query(`drop database ${name} with (force)`);
    }
  });
  const environmentOf = (database: BenchDatabase) => ({
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    SECRET_KEY: secretKey,
    PUBLIC_URL: 'http://auth.test',
    ALLOWED_HOSTS: '127.0.0.1',
    EMAIL_HOST: '127.0.0.1',
    EMAIL_PORT: String(mail.port),
    EMAIL_USE_TLS: 'False',
    PORT: '0',
    DEBUG: 'False',
    LOG_LEVEL: 'warn',
  });
  const owned = opened.move();
  return {
    isQuick,
    effort: isQuick ? efforts.quick : efforts.full,
    directory,
    postgresql: rows[0]?.server_version ?? 'unknown',
    arrivalOf(address) {
      const arrival = Promise.withResolvers<number>();
      arrivals.set(address, arrival);
      return arrival.promise;
    },
    async database(part) {
      const name = admin.escapeIdentifier(`bench_${part}`);
      await admin.query(`drop database if exists ${name}`);
      await admin.query(`create database ${name}`);
      const url = new URL(serverUrl);
      url.pathname = `/bench_${part}`;
      const pool = new Pool({ connectionString: url.href, max: 4 });
      pools.set(name, pool);
      return { url: url.href, pool };
    },
    gatehouse: (database, environment = {}) =>
      startServer({
        databasePid,
        command: gatehouseCommand('serve', '--json'),
        directory,
        readyPath: '/health/ready',
        environment: { ...environmentOf(database), ...environment },
      }),
    environmentOf,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startEmbedded(dataDirectory: string, opened: AsyncDisposableStack): Promise<string> {
  const embedded = await acquireEmbeddedDatabase({ dataDirectory });
  opened.defer(() => embedded.release());
  return embedded.url;
}

/** Undefined if the server runs on another machine. */
async function firstProcess(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return postgresParent(rows[0]?.pid ?? 0);
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}
