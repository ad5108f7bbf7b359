/** The HTTP server, put together: one listener, everything around a route, and the routes. */
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/time.ts';
import type { ChangeFeed } from '../database/change-feed.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import type { Audit } from '../features/audit/audit.ts';
import type { CheckCode } from '../features/authentication/consume-code.ts';
import type { EmailVerification } from '../features/authentication/email-verification.ts';
import type { Passwords } from '../features/authentication/passwords.ts';
import type { Sessions } from '../features/sessions/sessions.ts';
import type { SigningKeys } from '../features/sessions/signing-keys.ts';
import type { Tokens } from '../features/sessions/tokens.ts';
import type { DevMailbox } from '../mail/dev-mailbox.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { currentTracer } from '../observability/tracing.ts';
import { type Graphql, serveGraphql } from './graphql/apollo.ts';
import type { CompileDocument } from './graphql/compiled-operations.ts';
import type { DocumentCache } from './graphql/document-cache.ts';
import type { ShedLogin } from './graphql/load-shedding.ts';
import { readBodies } from './http/bodies.ts';
import { openContexts } from './http/context.ts';
import { handleErrors } from './http/error-handler.ts';
import { endConnectionsAfter, type GracefulShutdown } from './http/graceful-shutdown.ts';
import type { HttpLimits } from './http/limits.ts';
import {
  answerMethodNotAllowed,
  collectMethods,
  rejectUnknownRoute,
} from './http/method-not-allowed.ts';
import { logAnswers, measureAnswers, traceRequests } from './http/request-log.ts';
import { limitRequestTime } from './http/request-timeout.ts';
import { toJsonLine } from './http/responses.ts';
import { setSecurityHeaders } from './http/security-headers.ts';
import { createListener } from './http/server.ts';
import { serveHealth } from './ops/health.ts';
import { serveJwks } from './ops/jwks.ts';
import { serveMetrics } from './ops/metrics.ts';
import { serveDocumentation } from './ops/openapi.ts';
import { serveRevocations } from './ops/revocations.ts';
import { serveMailbox } from './pages/dev-mailbox.ts';
import { serveGraphqlIde } from './pages/graphql-ide.ts';
import { createLinkOwners } from './pages/link-operations.ts';
import { createVerifyPage, servePages } from './pages/pages.ts';
import { serveRest } from './rest/serve-rest.ts';

export interface HttpDeps {
  readonly config: Config;
  readonly limits: HttpLimits;
  readonly log: Log;
  readonly version: string;
  readonly unitOfWork: UnitOfWork;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly signingKeys: SigningKeys;
  readonly sessions: Sessions;
  readonly changeFeed: ChangeFeed;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly graphql: Graphql;
  readonly compileDocument: CompileDocument;
  readonly documentCache: DocumentCache;
  readonly shedLogin: ShedLogin;
  readonly mailbox: DevMailbox;
  readonly checkCode: CheckCode;
  readonly passwords: Passwords;
  readonly emailVerification: EmailVerification;
  readonly shutdown: GracefulShutdown;
  readonly isReady: () => Promise<boolean>;
}

/** The assembled server, not listening yet. */
export async function createHttp(parts: HttpDeps): Promise<FastifyInstance> {
  const { config } = parts;
  const app = createListener(parts);
  const methodsByUrl = collectMethods(app);
  const tracer = currentTracer();
  if (tracer) traceRequests(app, tracer);
  handleErrors(app);
  app.setReplySerializer(toJsonLine);
  logAnswers(app);
  measureAnswers(app, parts.metrics);
  endConnectionsAfter(app, parts.shutdown);
  limitRequestTime(app, parts.limits.answerMilliseconds);
  await setSecurityHeaders(app, config);
  rejectUnknownRoute(app);
  readBodies(app, parts.limits);
  openContexts(app, parts);
  serveMachines(app, parts);
  serveCallers(app, parts);
  serveDocumentation(app, {
    prefix: config.restPrefix,
    publicUrl: config.publicUrl,
    version: parts.version,
  });
  if (config.debug) serveGraphqlIde(app);
  answerMethodNotAllowed(app, methodsByUrl);
  return app;
}

/** What other machines ask for; nobody logs in to it. */
function serveMachines(app: FastifyInstance, parts: HttpDeps): void {
  serveHealth(app, parts.isReady);
  serveJwks(app, parts.signingKeys);
  const { revocationFeedKey: key, metricsKey } = parts.config;
  serveMetrics(app, { metrics: parts.metrics, key: metricsKey, log: parts.log });
  if (key !== undefined) serveRevocations(app, { ...parts, key });
}

/** The doors to the accounts: GraphQL, REST and the pages behind the links of mails. */
function serveCallers(app: FastifyInstance, parts: HttpDeps): void {
  const { config, compileDocument } = parts;
  serveGraphql(app, parts);
  const pageParts = { compileDocument, linkOwners: createLinkOwners(parts) };
  const verifyPage = createVerifyPage(pageParts);
  serveRest(app, { ...parts, prefix: config.restPrefix, verifyPage });
  servePages(app, { ...pageParts, passwordMinLength: config.passwordMinLength });
  if (config.mail.kind === 'mailbox' && !config.isProduction) {
    serveMailbox(app, { mailbox: parts.mailbox, publicUrl: config.publicUrl });
  }
}
