/** `serve`: starts the server and prints its addresses. A signal begins the graceful shutdown. */
import cluster from 'node:cluster';
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { type Config, readConfig } from '../../config/config.ts';
import { findMisspellings } from '../../config/misspelled-variables.ts';
import { packageVersion } from '../../core/package.ts';
import { isDatabaseUnavailable } from '../../database/connection-errors.ts';
import { hasEmbeddedDatabase } from '../../embedded-postgres/embedded.ts';
import { createLog, type Log } from '../../observability/log.ts';
import { startTracing, stopTracing } from '../../observability/tracing.ts';
import type { GlobalArguments } from '../arguments.ts';
import { allowHeapGrowth } from '../heap.ts';
import { printError, printLine, type Terminal, untilSignalled } from '../io.ts';

interface ServeArguments extends GlobalArguments {
  readonly port: string | undefined;
  readonly host: string | undefined;
}

export const serveCommand: CommandModule<GlobalArguments, ServeArguments> = {
  command: 'serve',
  describe: 'Start the server',
  builder: (argv) =>
    argv
      .option('port', {
        type: 'string',
        requiresArg: true,
        describe: 'Port to listen on instead of PORT; 0 for a free port',
      })
      .option('host', {
        type: 'string',
        requiresArg: true,
        describe: 'Address to listen on instead of HOST',
      }),
  handler: async ({ json, terminal, port, host }) => {
    const options = { ...(port === undefined ? {} : { PORT: port }), ...(host && { HOST: host }) };
    if (cluster.isPrimary) warnOfMisspellings(terminal);
    const config = readConfig({ ...terminal.env, ...options }, terminal.cwd());
    const log = createLog({ isReadable: config.debug && !json, level: config.logLevel });
    if (cluster.isPrimary) await announceDatabase(config, terminal);
    if (config.workers > 1 && cluster.isPrimary) {
      const { superviseWorkers } = await import('../workers.ts');
      await superviseWorkers(config.workers, log);
      return;
    }
    await runServer({ config, log, json, terminal }).finally(() => cluster.worker?.disconnect());
  },
};

interface ServerOptions extends GlobalArguments {
  readonly config: Config;
  readonly log: Log;
}

async function runServer({ config, log, ...args }: ServerOptions): Promise<void> {
  // A worker gets a signal twice: with its process group, and from the supervisor, which forwards it. The
  // supervisor kills the workers after a second signal.
  const signalled = cluster.isPrimary ? untilSignalled() : untilSignalled(() => undefined);
  handleUnhandledRejections(log);
  // Imported here, because no other command needs HTTP.
  const [{ startServer }, { createAppContext }] = await Promise.all([
    import('../../bootstrap/server.ts'),
    import('../../bootstrap/app-context.ts'),
  ]);
  await startTracing(config.tracing, packageVersion());
  const app = await createAppContext({ config, log });
  const server = await startServer(app);
  allowHeapGrowth();
  if (cluster.isPrimary || cluster.worker?.id === 1)
    await printAddresses(app, server.address, args);
  log.info({ signal: await signalled }, 'shutting down');
  await server.beginShutdown();
  await server.close();
  await stopTracing();
}

/** A line for each variable that the server ignores and whose name is almost one of its own. Values can be secret. */
function warnOfMisspellings(terminal: Terminal): void {
  for (const { name, meant } of findMisspellings(terminal.env, terminal.cwd())) {
    printError(
      terminal,
      `Warning: ${name} is not a variable of Gatehouse. ${meant} is, and is not set.`,
    );
  }
}

/** Only `serve` creates an embedded database. It prints the directory, which can be the wrong one. */
async function announceDatabase(
  { database, dataDirectory }: Config,
  terminal: Terminal,
): Promise<void> {
  if (database !== undefined || (await hasEmbeddedDatabase(dataDirectory))) return;
  printError(
    terminal,
    `DATABASE_URL is not set: creating a new embedded PostgreSQL database in ${dataDirectory}.`,
  );
}

/**
 * Handles rejections that a library left unhandled. A broken database connection is only logged. Any other
 * error can leave a broken state: the process exits, and the supervisor starts a new one.
 */
function handleUnhandledRejections(log: Log): void {
  process.on('unhandledRejection', (error) => {
    if (isDatabaseUnavailable(error)) {
      log.warn({ err: error }, 'database connection lost outside of a request');
      return;
    }
    log.fatal({ err: error }, 'unhandled rejection, exiting');
    process.exit(1);
  });
}

/** Prints the addresses of the server: for people, or as one line of JSON. */
async function printAddresses(
  app: AppContext,
  address: string,
  { json, terminal }: GlobalArguments,
): Promise<void> {
  const { config, unitOfWork } = app;
  const port = new URL(address).port;
  const base = config.port === 0 ? config.publicUrl.replace(/:0$/, `:${port}`) : config.publicUrl;
  const urls = {
    graphql: `${base}/graphql`,
    rest: `${base}${config.restPrefix}/`,
    docs: `${base}/docs`,
    ...(config.mail.kind === 'mailbox' ? { mailbox: `${base}/dev/mailbox` } : {}),
  };
  if (json) {
    printLine(terminal, JSON.stringify({ address, ...urls }));
    return;
  }
  if (!config.debug) return;
  const superusers = await unitOfWork.query('select 1 from users where is_superuser limit 1');
  const labels = { graphql: 'GraphQL', rest: 'REST', docs: 'Docs', mailbox: 'Mailbox' };
  const lines = Object.entries(urls).map(
    ([name, url]) => `  ${labels[name as keyof typeof labels]}: ${url}`, // the keys of urls
  );
  if (superusers.length === 0) lines.push('  First administrator: npx gatehouse createsuperuser');
  printLine(terminal, ['', 'Gatehouse is running.', ...lines, ''].join('\n'));
}
