/** The whole service in the process of the test, with a separate database, mail server and port. */
import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpLimits, httpLimits } from '../../src/api/http/limits.ts';
import { type AppContext, createAppContext } from '../../src/bootstrap/app-context.ts';
import { type RunningServer, startServer } from '../../src/bootstrap/server.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/core/time.ts';
import type { HashParameters } from '../../src/crypto/password/parameters.ts';
import type { DatabaseTimeouts } from '../../src/database/timeouts.ts';
import { createLog } from '../../src/observability/log.ts';
import { type Client, createClient } from './client.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import { makeScratchDirectory } from './scratch.ts';
import { testSecretKey } from './secret-key.ts';

export interface TestService extends Client, AsyncDisposable {
  readonly app: AppContext;
  readonly database: TestDatabase;
  readonly mail: MailServer;
  /** The HTTP server. */
  readonly server: Server;
  /** The lines of the log. */
  readonly logLines: string[];
  /** Moves the clock of the service; the clock of the database is not changed. */
  advance(seconds: number): void;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Overrides the environment variables of tests. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing database, for a second replica. */
  readonly database?: TestDatabase;
  readonly mail?: MailServer;
  /** Overrides HTTP limits, for tests that wait for them. */
  readonly httpLimits?: Partial<HttpLimits>;
  /** Those of the server, for tests of them. By default much longer ones. */
  readonly databaseTimeouts?: DatabaseTimeouts;
  /** As in requests, for tests of it. By default much longer. */
  readonly hashWaitMilliseconds?: number;
  /** Uses the default cost of password hashes, for tests of their duration. */
  readonly hasCostlyHashes?: boolean;
  /** The cost of password hashes, by default a very low one. */
  readonly hashParameters?: HashParameters;
}

/** Argon2id with a cost below the allowed minimum, which takes a fraction of a millisecond. */
const cheapHash: HashParameters = { memoryKib: 64, iterations: 1, parallelism: 1 };

/** A busy machine may need longer than users would wait. */
const patientLimits: HttpLimits = { ...httpLimits, answerMilliseconds: 20_000 };
const patientTimeouts: DatabaseTimeouts = {
  connectMilliseconds: 18_000,
  lockMilliseconds: 17_000,
  statementMilliseconds: 18_000,
  idleInTransactionMilliseconds: 20_000,
  silenceMilliseconds: 20_000,
};

export async function startService(options: ServiceOptions = {}): Promise<TestService> {
  const dataDirectory = makeScratchDirectory('data');
  const database = options.database ?? (await createTestDatabase());
  const mail = options.mail ?? (await startMailServer());
  const given = readConfig(
    {
      SECRET_KEY: testSecretKey,
      DATABASE_URL: database.url,
      EMAIL_HOST: '127.0.0.1',
      EMAIL_PORT: String(mail.port),
      EMAIL_USE_TLS: 'False',
      EMAIL_FROM: 'gatehouse@auth.test',
      PORT: '0',
      PUBLIC_URL: 'http://auth.test',
      GATEHOUSE_DATA_DIR: dataDirectory,
      DEBUG: 'True',
      ...options.environment,
    },
    dataDirectory,
  );
  const config = options.hasCostlyHashes
    ? given
    : { ...given, passwordHash: options.hashParameters ?? cheapHash };
  let offsetSeconds = 0;
  const clock: Clock = () => new Date(Date.now() + offsetSeconds * 1000);
  const logLines: string[] = [];
  const log = createLog({
    isReadable: false,
    level: config.logLevel,
    destination: { write: (line) => void logLines.push(line) },
  });
  const { databaseTimeouts: timeouts = patientTimeouts, hashWaitMilliseconds = 17_000 } = options;
  const app = await createAppContext({ config, log, clock, timeouts, hashWaitMilliseconds });
  const served = await startServer(app, { ...patientLimits, ...options.httpLimits });
  // Test files stay in memory with their services, so a closed service drops its references.
  let open: { readonly app: AppContext; readonly served: RunningServer } | undefined = {
    app,
    served,
  };
  const running = () => {
    if (!open) throw new Error('the service is closed');
    return open;
  };
  const close = async () => {
    if (!open) return;
    const closing = open.served.close();
    open = undefined;
    await closing;
    if (!options.mail) await mail.close();
    if (!options.database) await database.drop();
    await rm(dataDirectory, { recursive: true, force: true });
  };
  // After a change by SQL, waits until the change feed has delivered it.
  const settledQuery: TestDatabase['query'] = async (sql, parameters) => {
    const rows = await database.query<never>(sql, parameters);
    await open?.app.changeFeed.waitUntilDelivered();
    return rows;
  };
  return {
    ...createClient(served.address),
    get app() {
      return running().app;
    },
    database: { ...database, query: settledQuery },
    mail,
    get server() {
      return running().served.http.server;
    },
    logLines,
    advance: (seconds) => {
      offsetSeconds += seconds;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits until no job is due soon, so that no further mail arrives. */
export async function quiet(service: TestService): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    const [row] = await service.database.query<{ waiting: string }>(
      `select count(*) as waiting from graphile_worker.jobs
       where attempts < max_attempts and run_at < now() + interval '10 seconds'`,
    );
    if (row?.waiting === '0') return;
    await sleep(25);
  }
  throw new Error('the queue does not empty');
}

/** Makes delayed jobs due now, and waits until they are done. */
export async function runDelayedMails(service: TestService): Promise<void> {
  await service.database.query(
    'update graphile_worker._private_jobs set run_at = now() where attempts = 0 and run_at > now()',
  );
  await quiet(service);
}
