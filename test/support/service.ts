/** The whole service in the test's process, on a database, a mail server and a port of its own. */
import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpLimits, httpLimits } from '../../src/api/http/limits.ts';
import { type AppContext, createAppContext } from '../../src/bootstrap/app-context.ts';
import { type RunningServer, startServer } from '../../src/bootstrap/server.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/core/time.ts';
import type { HashParameters } from '../../src/crypto/password/parameters.ts';
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
  /** What listens. */
  readonly server: Server;
  /** Everything that was logged, line by line. */
  readonly logLines: string[];
  /** Moves the service's clock; the database's own is left alone. */
  advance(seconds: number): void;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Environment variables over the usual ones of a test. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing database, for a second replica. */
  readonly database?: TestDatabase;
  readonly mail?: MailServer;
  /** Limits of HTTP over the usual ones, for tests that wait for them. */
  readonly httpLimits?: Partial<HttpLimits>;
  /** Passwords cost what they cost an operator, for tests about that time or what happens in it. */
  readonly hasCostlyHashes?: boolean;
}

/** Argon2id as always, in a fraction of a millisecond; no operator may set so little. */
const cheapHash: HashParameters = { memoryKib: 64, iterations: 1, parallelism: 1 };

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
  const config = options.hasCostlyHashes ? given : { ...given, passwordHash: cheapHash };
  let offsetSeconds = 0;
  const clock: Clock = () => new Date(Date.now() + offsetSeconds * 1000);
  const logLines: string[] = [];
  const log = createLog({
    isReadable: false,
    level: config.logLevel,
    destination: { write: (line) => void logLines.push(line) },
  });
  const app = await createAppContext({ config, log, clock });
  const served = await startServer(app, { ...httpLimits, ...options.httpLimits });
  // Test files stay in memory with their services: what a closed one refers to is released.
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
  // What a test changes behind the service's back is heard of before the test goes on.
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

/** Waits until no job is due soon, so that a mail which is not there will not come now. */
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

/** Runs the jobs that wait for the end of a minute, and waits until they are done. */
export async function runDelayedMails(service: TestService): Promise<void> {
  await service.database.query(
    'update graphile_worker._private_jobs set run_at = now() where attempts = 0 and run_at > now()',
  );
  await quiet(service);
}
