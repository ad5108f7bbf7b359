/** Opens the doors of a house: resolvers, GraphQL, REST, pages; and starts what works behind them. */
import type { FastifyInstance } from 'fastify';
import { createGraphql } from '../api/graphql/apollo.ts';
import { createDocumentCompiler } from '../api/graphql/compiled-operations.ts';
import { weighSessions } from '../api/graphql/cost.ts';
import { createDocumentCache } from '../api/graphql/document-cache.ts';
import { createErrorReporter } from '../api/graphql/errors.ts';
import { shedLoginsWhenSaturated } from '../api/graphql/load-shedding.ts';
import { createSchema, type Resolvers } from '../api/graphql/schema.ts';
import { readTrustedDocuments } from '../api/graphql/trusted-documents.ts';
import { createGracefulShutdown } from '../api/http/graceful-shutdown.ts';
import { type HttpLimits, httpLimits } from '../api/http/limits.ts';
import { createHttp } from '../api/routes.ts';
import { packageVersion } from '../core/package.ts';
import { isDatabaseReady } from '../database/inspect.ts';
import { AccessResolver, GroupResolver } from '../features/access/access.resolver.ts';
import { createAccessLoaders } from '../features/access/access.ts';
import {
  DirectoryResolver,
  GroupConnectionResolver,
  PermissionConnectionResolver,
  UserConnectionResolver,
} from '../features/administration/directory/directory.resolver.ts';
import {
  GroupAdministrationResolver,
  PermissionAdministrationResolver,
} from '../features/administration/groups.resolver.ts';
import {
  RegistrationConnectionResolver,
  RegistrationsResolver,
} from '../features/administration/registrations.resolver.ts';
import {
  AccountRecoveryResolver,
  UserAdministrationResolver,
} from '../features/administration/users.resolver.ts';
import {
  AuditEntryConnectionResolver,
  AuditResolver,
} from '../features/audit-log/audit-log.resolver.ts';
import {
  AccountsResolver,
  PasswordsResolver,
} from '../features/authentication/authentication.resolver.ts';
import { ProfileResolver } from '../features/profile/profile.resolver.ts';
import {
  SessionResolver,
  SessionsResolver,
  UserSessionsResolver,
} from '../features/sessions/sessions.resolver.ts';
import { UserResolver } from '../features/users/users.resolver.ts';
import { startJobs } from '../jobs/worker.ts';
import type { AppContext } from './app-context.ts';

export interface RunningServer {
  readonly http: FastifyInstance;
  /** Where it listens, such as `http://127.0.0.1:4000`. */
  readonly address: string;
  /** Before `close`, where others send requests here: lets what is on its way arrive. */
  beginShutdown(): Promise<void>;
  /** Finishes what is under way, then lets go of everything. */
  close(): Promise<void>;
}

/** Milliseconds for requests under way to finish, once no new ones are taken. */
const drainMilliseconds = 5000;

/**
 * Makes the default administrator, if one is configured and none is there; starts jobs and HTTP. When
 * that fails everything is closed again, the house too.
 */
export async function startServer(
  app: AppContext,
  limits: HttpLimits = httpLimits,
): Promise<RunningServer> {
  await using opened = new AsyncDisposableStack();
  opened.defer(() => app.close());
  const { config, log, unitOfWork } = app;
  const version = packageVersion();
  const { trustedDocumentsFile: manifest } = config;
  const trustedDocuments = manifest === undefined ? undefined : readTrustedDocuments(manifest);
  await app.changeFeed.start();
  await provisionDefaultAdmin(app);
  registerGauges(app, version);
  // While the schema is built the database answers.
  const jobs = startJobs(app.jobs);
  opened.defer(async () => {
    const started = await jobs.catch(() => undefined); // told below
    await started?.stop();
  });
  const schema = createSchema(resolversOf(app));
  weighSessions(schema, config.maxSessionsPerUser);
  const report = createErrorReporter(log);
  const documentCache = createDocumentCache(report);
  const parts = { documentCache, trustedDocuments };
  const graphql = await createGraphql({ schema, isDebug: config.debug, log, ...parts });
  opened.defer(() => graphql.stop());
  const compileDocument = createDocumentCompiler(schema, report);
  const shutdown = createGracefulShutdown(config.shutdownDelaySeconds * 1000);
  const isReady = async () => !shutdown.isShuttingDown() && (await isDatabaseReady(unitOfWork));
  const { tokens, signingKeys, sessions, checkCode, passwordReset, emailVerification } = app.auth;
  const http = await createHttp({
    config,
    log,
    unitOfWork,
    clock: app.clock,
    metrics: app.metrics,
    changeFeed: app.changeFeed,
    audit: app.audit.log,
    mailbox: app.mail.mailbox,
    tokens,
    signingKeys,
    sessions,
    checkCode,
    passwordReset,
    emailVerification,
    limits,
    graphql,
    compileDocument,
    documentCache,
    shedLogin: shedLoginsWhenSaturated(app.hasher),
    shutdown,
    isReady,
    version,
  });
  opened.defer(() => closeHttp(http));
  const address = await http.listen({ host: config.host, port: config.port });
  await jobs;
  const owned = opened.move();
  return { http, address, beginShutdown: shutdown.begin, close: () => owned.disposeAsync() };
}

/** Milliseconds; whoever asks more often gets the same figures again. */
const levelMilliseconds = 3000;

/** What has a present value: the process, its version, the mails that are not sent. */
function registerGauges({ mail, metrics, unitOfWork }: AppContext, version: string): void {
  metrics.watchProcess();
  metrics.read('build', () => [[[version], 1]]);
  const level = memoizeFor(levelMilliseconds, () => unitOfWork.withEntityManager(mail.queue.stats));
  metrics.read('mailQueue', async () => {
    const { waiting, retrying, dead } = await level();
    return Object.entries({ waiting, retrying, dead }).map(([state, count]) => [[state], count]);
  });
  metrics.read('mailQueueOldest', async () => [[[], (await level()).oldestSeconds]]);
}

/** Asks once for all who want to know within so many milliseconds. */
function memoizeFor<Value>(milliseconds: number, ask: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly at: number; readonly value: Promise<Value> } | undefined;
  return () => {
    const now = performance.now();
    if (!last || now - last.at > milliseconds) last = { at: now, value: ask() };
    return last.value;
  };
}

/** A client that keeps its connection, or does not read its answer, does not keep us. */
async function closeHttp(http: FastifyInstance): Promise<void> {
  const patience = setTimeout(() => http.server.closeAllConnections(), drainMilliseconds);
  await http.close();
  clearTimeout(patience);
}

function resolversOf(app: AppContext): Resolvers {
  const loadersOf = createAccessLoaders(app.users.access);
  return [
    new UserResolver(loadersOf),
    new GroupResolver(loadersOf),
    new AccessResolver(),
    new SessionResolver(),
    new UserSessionsResolver(app.auth.sessions),
    new SessionsResolver(app.auth.sessions, app.auth.refresh),
    new AccountsResolver(app.auth.registrations, app.auth.emailVerification, app.auth.login),
    new PasswordsResolver(app.auth.passwordReset, app.auth.passwordChange),
    new ProfileResolver(app.users),
    new DirectoryResolver(app.admin.directory, app.admin.explain),
    new AuditResolver(app.audit.entries),
    new AuditEntryConnectionResolver(),
    new UserConnectionResolver(),
    new GroupConnectionResolver(),
    new PermissionConnectionResolver(),
    new UserAdministrationResolver(app.admin.users, app.admin.grants),
    new AccountRecoveryResolver(app.admin.accountRecovery),
    new RegistrationsResolver(app.admin.directory, app.admin.registrations),
    new RegistrationConnectionResolver(),
    new GroupAdministrationResolver(app.admin.groups),
    new PermissionAdministrationResolver(app.admin.permissions),
  ];
}

async function provisionDefaultAdmin({ users, config, log, unitOfWork }: AppContext) {
  const { defaultAdmin } = config;
  if (!defaultAdmin) return;
  const made = await unitOfWork.withEntityManager(() =>
    users.provisioning.provisionDefaultAdmin(defaultAdmin),
  );
  if (made) log.info({ email: made.email }, 'default administrator created');
}
