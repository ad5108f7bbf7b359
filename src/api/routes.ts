/** Assembles the HTTP server: listener, hooks in their order, and routes. */
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Config } from '../config/config.ts';
import { createOriginCheck } from '../config/origins.ts';
import type { Clock } from '../core/time.ts';
import type { ChangeFeed } from '../database/change-feed.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import type { KeyAuthentication } from '../features/api-keys/key-authentication.ts';
import type { Audit } from '../features/audit/audit.ts';
import type { CheckCode } from '../features/authentication/consume-code.ts';
import type { EmailVerification } from '../features/authentication/email-verification.ts';
import type { PasswordReset } from '../features/authentication/password-reset.ts';
import type { OAuthModule } from '../features/oauth/oauth.module.ts';
import type { Sessions } from '../features/sessions/sessions.ts';
import type { SigningKeys } from '../features/sessions/signing-keys.ts';
import type { TokenDelivery } from '../features/sessions/token-delivery.ts';
import type { Tokens } from '../features/sessions/tokens.ts';
import type { Texts } from '../i18n/translate.ts';
import type { DevMailbox } from '../mail/dev-mailbox.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { currentTracer } from '../observability/tracing.ts';
import { type Graphql, serveGraphql } from './graphql/apollo.ts';
import type { PrepareDocument } from './graphql/operations.ts';
import type { PreparedRequests } from './graphql/prepared-requests.ts';
import { parseBodies } from './http/bodies.ts';
import { addRequestContexts } from './http/context.ts';
import {
  addMethodNotAllowedRoutes,
  collectMethods,
  handleErrors,
  rejectUnknownRoutes,
} from './http/error-handler.ts';
import { closeConnectionsOnShutdown, type GracefulShutdown } from './http/graceful-shutdown.ts';
import type { HttpLimits } from './http/limits.ts';
import { logRequests, measureRequests, traceRequests } from './http/request-log.ts';
import { limitRequestTime } from './http/request-timeout.ts';
import { graphqlPath, toJsonLine } from './http/responses.ts';
import { setSecurityHeaders } from './http/security-headers.ts';
import { createListener } from './http/server.ts';
import { addSessionCookies } from './http/session-cookie.ts';
import { serveForwardAuth } from './oauth/forward-auth.ts';
import { serveOAuth } from './oauth/serve-oauth.ts';
import { apiReferencePath, serveApiReference } from './ops/api-reference.ts';
import { serveHealth } from './ops/health.ts';
import { serveJwks } from './ops/jwks.ts';
import { serveMetrics } from './ops/metrics.ts';
import { openApiPath, serveOpenApi } from './ops/openapi.ts';
import { serveRevocations } from './ops/revocations.ts';
import { sendErrorPage } from './pages/account/error-pages.ts';
import type { StartDeps } from './pages/account/start.ts';
import { mailboxPath, serveMailbox } from './pages/dev-mailbox.ts';
import { graphqlIdePath, serveGraphqlIde } from './pages/graphql-ide.ts';
import { createLinkOwners } from './pages/link-operations.ts';
import { createVerifyPage, servePages } from './pages/pages.ts';
import { addPresentation } from './pages/presentation.ts';
import { signInPath } from './pages/ways.ts';
import { serveRest } from './rest/serve-rest.ts';

export interface HttpDeps {
  readonly config: Config;
  readonly limits: HttpLimits;
  readonly log: Log;
  readonly version: string;
  readonly unitOfWork: UnitOfWork;
  readonly tokens: Tokens;
  readonly keyAuthentication: KeyAuthentication;
  readonly audit: Audit;
  readonly signingKeys: SigningKeys;
  readonly sessions: Sessions;
  readonly tokenDelivery: Pick<TokenDelivery, 'cookieOwner'>;
  readonly oauth: OAuthModule;
  readonly changeFeed: ChangeFeed;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly schema: GraphQLSchema;
  readonly graphql: Graphql;
  readonly prepareDocument: PrepareDocument;
  readonly preparedRequests: PreparedRequests;
  readonly texts: Texts;
  readonly mailbox: DevMailbox;
  readonly checkCode: CheckCode;
  readonly passwordReset: PasswordReset;
  readonly emailVerification: EmailVerification;
  readonly shutdown: GracefulShutdown;
  readonly isReady: () => Promise<boolean>;
}

/** @returns a server that does not listen yet */
export async function createHttp(deps: HttpDeps): Promise<FastifyInstance> {
  const { config } = deps;
  const app = createListener({ ...deps, sendErrorPage });
  const methodsByUrl = collectMethods(app);
  const tracer = currentTracer();
  if (tracer) traceRequests(app, tracer);
  handleErrors(app, sendErrorPage);
  app.setReplySerializer(toJsonLine);
  logRequests(app);
  measureRequests(app, deps.metrics);
  closeConnectionsOnShutdown(app, deps.shutdown);
  limitRequestTime(app, deps.limits.answerMilliseconds);
  const isAllowedOrigin = createOriginCheck(config);
  await setSecurityHeaders(app, config, isAllowedOrigin);
  rejectUnknownRoutes(app, sendErrorPage);
  parseBodies(app, deps.limits);
  addSessionCookies(app, { publicUrl: config.publicUrl, isAllowedOrigin, clock: deps.clock });
  addRequestContexts(app, deps);
  addPresentation(app, config, deps.texts);
  serveOperations(app, deps);
  serveClients(app, deps);
  serveReference(app, deps);
  if (config.debug) serveGraphqlIde(app);
  addMethodNotAllowedRoutes(app, methodsByUrl, sendErrorPage);
  return app;
}

/** The endpoints for operators and other services, without a user. */
function serveOperations(app: FastifyInstance, deps: HttpDeps): void {
  serveHealth(app, deps.isReady);
  serveJwks(app, deps.signingKeys);
  serveForwardAuth(app, deps);
  const { revocationFeedKey: key, metricsKey } = deps.config;
  serveMetrics(app, { metrics: deps.metrics, key: metricsKey, log: deps.log });
  if (key !== undefined) serveRevocations(app, { ...deps, key });
}

/** The description of the REST API, for tools and for people. */
function serveReference(app: FastifyInstance, { config, schema, version }: HttpDeps): void {
  const { restPrefix: prefix, publicUrl, passwordMinLength } = config;
  serveOpenApi(app, { schema, prefix, publicUrl, version, passwordMinLength });
  serveApiReference(app);
}

/** GraphQL, OAuth, REST, and the pages of the links in mails. */
function serveClients(app: FastifyInstance, deps: HttpDeps): void {
  const { config, prepareDocument } = deps;
  serveGraphql(app, deps);
  serveOAuth(app, { ...deps, publicUrl: config.publicUrl });
  const pageDeps = { prepareDocument, linkOwners: createLinkOwners(deps) };
  const verifyPage = createVerifyPage(pageDeps);
  serveRest(app, { ...deps, prefix: config.restPrefix, verifyPage });
  servePages(app, {
    ...pageDeps,
    passwordMinLength: config.passwordMinLength,
    cookieOwner: deps.tokenDelivery.cookieOwner,
    endpoints: endpointsOf(config),
    developerPages: developerPagesOf(config),
  });
  if (hasMailbox(config)) {
    serveMailbox(app, { mailbox: deps.mailbox, publicUrl: config.publicUrl });
  }
}

function hasMailbox({ mail, isProduction }: Config): boolean {
  return mail.kind === 'mailbox' && !isProduction;
}

function endpointsOf({ publicUrl, restPrefix }: Config) {
  const addresses = Object.entries({
    graphql: graphqlPath,
    rest: `${restPrefix}/`,
    openapi: openApiPath,
    docs: apiReferencePath,
    oauth_metadata: '/.well-known/oauth-authorization-server',
    jwks: '/.well-known/jwks.json',
    health: '/health/ready',
    sign_in: signInPath,
  });
  return Object.fromEntries(addresses.map(([name, path]) => [name, `${publicUrl}${path}`]));
}

function developerPagesOf(config: Config): StartDeps['developerPages'] {
  if (!config.debug) return [];
  return [
    { path: apiReferencePath, name: 'reference' },
    { path: graphqlIdePath, name: 'ide' },
    ...(hasMailbox(config) ? [{ path: mailboxPath, name: 'mailbox' } as const] : []),
  ];
}
