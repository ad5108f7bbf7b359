/** What every part of the benchmark stands on: an embedded PostgreSQL, a mail server, a directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { joinEmbeddedDatabase } from '../../src/db/embedded/embedded.ts';
import { startMailServer } from '../support/mail-server.ts';
import type { Effort } from './measure.ts';
import { gatehouseCommand, type ServerProcess, startServer } from './process.ts';

export interface BenchDatabase {
  readonly url: string;
  readonly pool: Pool;
}

export interface Ground extends AsyncDisposable {
  readonly isQuick: boolean;
  readonly effort: Effort;
  /** Monotonic milliseconds at which a mail to the address has been accepted. */
  arrivalOf(address: string): Promise<number>;
  readonly directory: string;
  /** An empty database of this name. */
  database(name: string): Promise<BenchDatabase>;
  /** A server of ours, migrated and ready. */
  gatehouse(
    database: BenchDatabase,
    environment?: Readonly<Record<string, string>>,
  ): Promise<ServerProcess>;
}

/** Of the tokens of this run only. */
const secretKey = 'benchmark-only-key-0123456789-abcdefghijkl';

const efforts = {
  full: { rounds: 5, seconds: 6, warmUpSeconds: 8 },
  quick: { rounds: 3, seconds: 2, warmUpSeconds: 8 },
} satisfies Record<string, Effort>;

export async function openGround(isQuick: boolean): Promise<Ground> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const embedded = await joinEmbeddedDatabase({ dataDirectory: join(directory, 'database') });
  opened.defer(() => embedded.leave());
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
  const pools: Pool[] = [];
  opened.defer(async () => {
    for (const pool of pools) await pool.end();
  });
  const owned = opened.move();
  return {
    isQuick,
    effort: isQuick ? efforts.quick : efforts.full,
    directory,
    arrivalOf(address) {
      const arrival = Promise.withResolvers<number>();
      arrivals.set(address, arrival);
      return arrival.promise;
    },
    async database(name) {
      const admin = new Client({ connectionString: embedded.url });
      await admin.connect();
      await admin.query(`create database ${admin.escapeIdentifier(name)}`);
      await admin.end();
      const url = new URL(embedded.url);
      url.pathname = `/${name}`;
      const pool = new Pool({ connectionString: url.href, max: 4 });
      pools.push(pool);
      return { url: url.href, pool };
    },
    gatehouse: (database, environment = {}) =>
      startServer({
        command: gatehouseCommand('serve', '--json'),
        directory,
        readyPath: '/health/ready',
        environment: {
          DATABASE_URL: database.url,
          SECRET_KEY: secretKey,
          PUBLIC_URL: 'http://auth.test',
          EMAIL_HOST: '127.0.0.1',
          EMAIL_PORT: String(mail.port),
          EMAIL_USE_TLS: 'False',
          PORT: '0',
          DEBUG: 'False',
          LOG_LEVEL: 'warn',
          ATTEMPT_BUDGETS: 'mail-network=1000000/3600', // all mails are asked for from one
          ...environment,
        },
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
