/** Starts the server on an application context: GraphQL, REST and pages over HTTP, and the worker of the jobs. */
import type { FastifyInstance } from 'fastify';
import { createGraphql } from '../api/graphql/apollo.ts';
import { weighSessions } from '../api/graphql/cost.ts';
import { createErrorReporter } from '../api/graphql/errors.ts';
import { createOperations } from '../api/graphql/operations.ts';
import { createPreparedRequests } from '../api/graphql/prepared-requests.ts';
import { createSchema, type Resolvers } from '../api/graphql/schema.ts';
import { readTrustedDocuments } from '../api/graphql/trusted-documents.ts';
import { createGracefulShutdown } from '../api/http/graceful-shutdown.ts';
import { type HttpLimits, httpLimits } from '../api/http/limits.ts';
import { createHttp, type HttpDeps } from '../api/routes.ts';
import { packageVersion, schemaText } from '../core/package.ts';
import { isDatabaseReady } from '../database/readiness.ts';
import { AccessResolver, GroupResolver } from '../features/access/access.resolver.ts';
import { createAccessLoaders } from '../features/access/access-loaders.ts';
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
  UserErasureResolver,
} from '../features/administration/users.resolver.ts';
import { createKeyLoaders } from '../features/api-keys/key-loaders.ts';
import {
  AuditEntryConnectionResolver,
  AuditResolver,
} from '../features/audit-log/audit-log.resolver.ts';
import {
  AccountsResolver,
  PasswordsResolver,
} from '../features/authentication/authentication.resolver.ts';
import { FederationResolver } from '../features/nodes/federation.resolver.ts';
import { NodeResolver } from '../features/nodes/nodes.resolver.ts';
import { createNodeLoaders } from '../features/nodes/nodes.ts';
import { ProfileResolver } from '../features/profile/profile.resolver.ts';
import {
  ApiKeysResolver,
  UserApiKeysResolver,
} from '../features/service-accounts/api-keys.resolver.ts';
import {
  ServiceAccountConnectionResolver,
  ServiceAccountResolver,
  ServiceAccountsResolver,
} from '../features/service-accounts/service-accounts.resolver.ts';
import {
  SessionResolver,
  SessionsResolver,
  UserSessionsResolver,
} from '../features/sessions/sessions.resolver.ts';
import { createMetadataLoaders } from '../features/users/metadata-loader.ts';
import { UserResolver } from '../features/users/users.resolver.ts';
import { startJobs } from '../jobs/worker.ts';
import type { AppContext } from './app-context.ts';
import { registerGauges } from './gauges.ts';

export interface RunningServer {
  readonly http: FastifyInstance;
  /** URL of the listener, such as `http://127.0.0.1:4000`. */
  readonly address: string;
  /** Reports not ready, and waits until load balancers send no more requests here. */
  beginShutdown(): Promise<void>;
  /** Finishes the requests and jobs in progress, then closes everything. */
  close(): Promise<void>;
}

/** Time for open requests to finish during a shutdown. */
const drainTimeoutMs = 5000;

/**
 * Creates the configured default administrator if no superuser exists, then starts jobs and HTTP. A
 * failure closes everything, the application context too.
 */
export async function startServer(
  app: AppContext,
  limits: HttpLimits = httpLimits,
): Promise<RunningServer> {
  await using opened = new AsyncDisposableStack();
  opened.defer(() => app.close());
  const { config, metrics, unitOfWork, mail } = app;
  const version = packageVersion();
  await app.changeFeed.start();
  app.auth.keyUsage.start();
  opened.defer(() => app.auth.keyUsage.stop());
  opened.defer(() => app.auth.foreignHashes.stop());
  const measured = app.auth.foreignHashes.start(); // while the schema is built
  await provisionDefaultAdmin(app);
  registerGauges({ metrics, unitOfWork, mailQueue: mail.queue, version });
  // Jobs start while the schema is built.
  const jobs = startJobs(app.jobs);
  opened.defer(async () => {
    const started = await jobs.catch(() => undefined); // thrown by `await jobs` below
    await started?.stop();
  });
  const graphql = await startGraphql(app, opened);
  const shutdown = createGracefulShutdown(config.shutdownDelaySeconds * 1000);
  const http = await createHttpFor(app, { ...graphql, limits, shutdown, version });
  opened.defer(() => closeHttp(http));
  await measured;
  const address = await http.listen({ host: config.host, port: config.port });
  await jobs;
  const owned = opened.move();
  return { http, address, beginShutdown: shutdown.begin, close: () => owned.disposeAsync() };
}

type GraphqlDeps = Pick<HttpDeps, 'schema' | 'graphql' | 'prepareDocument' | 'preparedRequests'>;

async function startGraphql(app: AppContext, opened: AsyncDisposableStack): Promise<GraphqlDeps> {
  const { config, log } = app;
  const { trustedDocumentsFile: file } = config;
  const trustedDocuments = file === undefined ? undefined : readTrustedDocuments(file);
  const schema = createSchema(resolversOf(app));
  weighSessions(schema, config.maxSessionsPerUser);
  const operations = createOperations(schema, {
    report: createErrorReporter(log),
    afterMutation: app.auth.tokenDelivery.clearIfEnded,
  });
  const preparedRequests = createPreparedRequests(operations, trustedDocuments);
  const isDebug = config.debug;
  const graphql = await createGraphql({ schema, isDebug, log, preparedRequests, trustedDocuments });
  opened.defer(() => graphql.stop());
  return { schema, graphql, preparedRequests, prepareDocument: operations.prepareDocument };
}

function createHttpFor(
  app: AppContext,
  deps: GraphqlDeps & Pick<HttpDeps, 'limits' | 'shutdown' | 'version'>,
): Promise<FastifyInstance> {
  const { unitOfWork } = app;
  const { shutdown } = deps;
  const {
    tokens,
    keyAuthentication,
    signingKeys,
    sessions,
    tokenDelivery,
    checkCode,
    passwordReset,
    emailVerification,
  } = app.auth;
  return createHttp({
    config: app.config,
    texts: app.texts,
    log: app.log,
    unitOfWork,
    clock: app.clock,
    metrics: app.metrics,
    changeFeed: app.changeFeed,
    audit: app.audit.log,
    mailbox: app.mail.mailbox,
    tokens,
    keyAuthentication,
    signingKeys,
    sessions,
    tokenDelivery,
    oauth: app.oauth,
    checkCode,
    passwordReset,
    emailVerification,
    limits: deps.limits,
    schema: deps.schema,
    graphql: deps.graphql,
    prepareDocument: deps.prepareDocument,
    preparedRequests: deps.preparedRequests,
    shutdown,
    isReady: async () => !shutdown.isShuttingDown() && (await isDatabaseReady(unitOfWork)),
    version: deps.version,
  });
}

/** Idle connections and clients that do not read their response must not delay the shutdown. */
async function closeHttp(http: FastifyInstance): Promise<void> {
  const timeout = setTimeout(() => http.server.closeAllConnections(), drainTimeoutMs);
  await http.close();
  clearTimeout(timeout);
}

function resolversOf(app: AppContext): Resolvers {
  const loadersOf = createAccessLoaders(app.users.access);
  const nodeLoaderOf = createNodeLoaders(app.nodes);
  const keyLoadersOf = createKeyLoaders(app.users.apiKeys);
  const { serviceAccountDirectory, serviceAccounts, keyManagement } = app.admin;
  return [
    new UserResolver(loadersOf, createMetadataLoaders(app.unitOfWork)),
    new GroupResolver(loadersOf),
    new NodeResolver(nodeLoaderOf),
    new FederationResolver(nodeLoaderOf, { sdl: schemaText(), isPublic: app.config.debug }),
    new AccessResolver(),
    new SessionResolver(),
    new UserSessionsResolver(app.auth.sessions),
    new SessionsResolver(app.auth.sessions, app.auth.tokenDelivery),
    new AccountsResolver(app.auth),
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
    new UserErasureResolver(app.admin.userErasure),
    new RegistrationsResolver(app.admin.directory, app.admin.registrations),
    new RegistrationConnectionResolver(),
    new GroupAdministrationResolver(app.admin.groups),
    new PermissionAdministrationResolver(app.admin.permissions),
    new ServiceAccountResolver(loadersOf, keyLoadersOf),
    new ServiceAccountsResolver(serviceAccountDirectory, serviceAccounts),
    new ServiceAccountConnectionResolver(),
    new UserApiKeysResolver(keyLoadersOf),
    new ApiKeysResolver(keyManagement),
  ];
}

async function provisionDefaultAdmin({ config, log, unitOfWork, users }: AppContext) {
  const { defaultAdmin } = config;
  if (!defaultAdmin) return;
  const created = await unitOfWork.withEntityManager(() =>
    users.provisioning.provisionDefaultAdmin(defaultAdmin),
  );
  if (created) log.info({ email: created.email }, 'default administrator created');
}
