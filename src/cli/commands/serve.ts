/** `serve`: starts the service and prints its addresses; a signal ends it. */
import cluster from 'node:cluster';
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { type Config, readConfig } from '../../config/config.ts';
import { packageVersion } from '../../core/package.ts';
import { isDatabaseUnavailable } from '../../database/connection-errors.ts';
import { hasEmbeddedDatabase } from '../../embedded-postgres/embedded.ts';
import { returnMemoryWhenIdle } from '../../observability/idle-memory.ts';
import { createLog, type Log } from '../../observability/log.ts';
import { startTracing, stopTracing } from '../../observability/tracing.ts';
import type { GlobalArguments } from '../context.ts';
import { printError, printLine, type Terminal } from '../io.ts';
import { untilSignalled } from '../signals.ts';

interface ServeArguments extends GlobalArguments {
  readonly port: string | undefined;
  readonly host: string | undefined;
}

export const serveCommand: CommandModule<GlobalArguments, ServeArguments> = {
  command: 'serve',
  describe: 'Start the service',
  builder: (argv) =>
    argv
      .option('port', {
        type: 'string',
        requiresArg: true,
        describe: 'Port to listen at, instead of PORT; 0 for a free one',
      })
      .option('host', {
        type: 'string',
        requiresArg: true,
        describe: 'Address to listen at, instead of HOST',
      }),
  handler: async ({ json, terminal, port, host }) => {
    const options = { ...(port === undefined ? {} : { PORT: port }), ...(host && { HOST: host }) };
    const config = readConfig({ ...terminal.env, ...options }, terminal.cwd());
    const log = createLog({ isReadable: config.debug && !json, level: config.logLevel });
    if (cluster.isPrimary) await announceDatabase(config, terminal);
    if (config.workers > 1 && cluster.isPrimary) {
      const { superviseWorkers } = await import('./workers.ts');
      await superviseWorkers(config.workers, log);
      return;
    }
    await run({ config, log, json, terminal }).finally(() => cluster.worker?.disconnect());
  },
};

interface Run extends GlobalArguments {
  readonly config: Config;
  readonly log: Log;
}

async function run({ config, log, ...given }: Run): Promise<void> {
  // A terminal and a service manager signal the whole group; the supervisor, too, passes each signal on.
  const signalled = cluster.isPrimary ? untilSignalled() : untilSignalled(leaveToSupervisor);
  outliveBrokenConnections(log);
  // Loaded here, as no other command needs HTTP.
  const [{ startServer }, { createAppContext }] = await Promise.all([
    import('../../bootstrap/server.ts'),
    import('../../bootstrap/app-context.ts'),
  ]);
  await startTracing(config.tracing, packageVersion());
  const app = await createAppContext({ config, log });
  const service = await startServer(app);
  using _idle = returnMemoryWhenIdle();
  if (cluster.isPrimary || cluster.worker?.id === 1) await welcome(app, service.address, given);
  log.info({ signal: await signalled }, 'shutting down');
  await service.beginShutdown();
  await service.close();
  await stopTracing();
}

function leaveToSupervisor(): void {}

/** A new database is made here only, and never without a word: the folder may be the wrong one. */
async function announceDatabase(
  { database, dataDirectory }: Config,
  terminal: Terminal,
): Promise<void> {
  if (database !== undefined || (await hasEmbeddedDatabase(dataDirectory))) return;
  printError(
    terminal,
    `DATABASE_URL is not set: making a new embedded PostgreSQL database in ${dataDirectory}.`,
  );
}

/**
 * The last resort: a rejection that a library left unhandled. A broken connection is no reason to end;
 * anything else may have left a broken state, and the supervisor starts a fresh process.
 */
function outliveBrokenConnections(log: Log): void {
  process.on('unhandledRejection', (error) => {
    if (isDatabaseUnavailable(error)) {
      log.warn({ err: error }, 'database connection lost outside of a request');
      return;
    }
    log.fatal({ err: error }, 'unhandled rejection, exiting');
    process.exit(1);
  });
}

/** Says where everything is: to people, or in one line to programs. */
async function welcome(
  app: AppContext,
  address: string,
  { json, terminal }: GlobalArguments,
): Promise<void> {
  const { config, unitOfWork } = app;
  const port = new URL(address).port;
  const base = config.port === 0 ? config.publicUrl.replace(/:0$/, `:${port}`) : config.publicUrl;
  const places = {
    graphql: `${base}/graphql`,
    rest: `${base}${config.restPrefix}/`,
    docs: `${base}/docs`,
    ...(config.mail.kind === 'mailbox' ? { mailbox: `${base}/dev/mailbox` } : {}),
  };
  if (json) {
    printLine(terminal, JSON.stringify({ address, ...places }));
    return;
  }
  if (!config.debug) return;
  const superusers = await unitOfWork.query('select 1 from users where is_superuser limit 1');
  const labels = { graphql: 'GraphQL', rest: 'REST', docs: 'Docs', mailbox: 'Mailbox' };
  const lines = Object.entries(places).map(
    ([name, place]) => `  ${labels[name as keyof typeof labels]}: ${place}`, // the keys of places
  );
  if (superusers.length === 0) lines.push('  First administrator: npx gatehouse createsuperuser');
  printLine(terminal, ['', 'Gatehouse is running.', ...lines, ''].join('\n'));
}
