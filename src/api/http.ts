/** The HTTP server, put together: one listener, everything around a route, and the routes. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { currentTracer } from '../core/tracing.ts';
import type { Changes } from '../db/changes.ts';
import type { UnitOfWork } from '../db/unit-of-work.ts';
import type { EmailVerification } from '../features/accounts/email-verification.ts';
import type { LookAtCode } from '../features/accounts/look-at-code.ts';
import type { Passwords } from '../features/accounts/passwords.ts';
import type { Audit } from '../features/audit/audit.ts';
import type { Sessions } from '../features/sessions/sessions.ts';
import type { SigningKeys } from '../features/sessions/signing-keys.ts';
import type { Tokens } from '../features/sessions/tokens.ts';
import type { DevelopmentMailbox } from '../mail/mailbox.ts';
import { readBodies } from './bodies.ts';
import { openContexts } from './context.ts';
import type { RefuseCrowdedLogin } from './crowded-logins.ts';
import { keepDeadline } from './deadline.ts';
import { serveDocumentation } from './documentation.ts';
import { toJsonLine } from './envelope.ts';
import { endConnectionsAfter, type Farewell } from './farewell.ts';
import { type Graphql, serveGraphql } from './graphql.ts';
import { serveHealth } from './health.ts';
import { handleErrors } from './http-errors.ts';
import type { HttpLimits } from './http-limits.ts';
import { serveJwks } from './jwks.ts';
import type { KnownDocuments } from './known-documents.ts';
import { createListener } from './listener.ts';
import { serveMetrics } from './metrics.ts';
import { collectMethods, refuseOtherMethods, refuseUnknown } from './other-methods.ts';
import type { PrepareDocument } from './own-documents.ts';
import { serveGraphqlIde } from './pages/graphql-ide.ts';
import { createLinkOwners } from './pages/link-owners.ts';
import { serveMailbox } from './pages/mailbox.ts';
import { createVerifyPage, servePages } from './pages/pages.ts';
import { protect } from './protection.ts';
import { logAnswers } from './request-log.ts';
import { measureAnswers } from './request-metrics.ts';
import { traceRequests } from './request-spans.ts';
import { serveRest } from './rest/run.ts';
import { serveRevocations } from './revocations.ts';

export interface HttpParts {
  readonly config: Config;
  readonly limits: HttpLimits;
  readonly log: Log;
  readonly version: string;
  readonly unitOfWork: UnitOfWork;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly signingKeys: SigningKeys;
  readonly sessions: Sessions;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly graphql: Graphql;
  readonly prepareDocument: PrepareDocument;
  readonly knownDocuments: KnownDocuments;
  readonly refuseCrowdedLogin: RefuseCrowdedLogin;
  readonly mailbox: DevelopmentMailbox;
  readonly lookAtCode: LookAtCode;
  readonly passwords: Passwords;
  readonly emailVerification: EmailVerification;
  readonly farewell: Farewell;
  readonly isReady: () => Promise<boolean>;
}

/** The assembled server, not listening yet. */
export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { config } = parts;
  const app = createListener(parts);
  const methodsByUrl = collectMethods(app);
  const tracer = currentTracer();
  if (tracer) traceRequests(app, tracer);
  handleErrors(app);
  app.setReplySerializer(toJsonLine);
  logAnswers(app);
  measureAnswers(app, parts.metrics);
  endConnectionsAfter(app, parts.farewell);
  keepDeadline(app, parts.limits.answerMilliseconds);
  await protect(app, config);
  refuseUnknown(app);
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
  refuseOtherMethods(app, methodsByUrl);
  return app;
}

/** What other machines ask for; nobody logs in to it. */
function serveMachines(app: FastifyInstance, parts: HttpParts): void {
  serveHealth(app, parts.isReady);
  serveJwks(app, parts.signingKeys);
  const { revocationFeedKey: key, metricsKey } = parts.config;
  serveMetrics(app, { metrics: parts.metrics, key: metricsKey, log: parts.log });
  if (key !== undefined) serveRevocations(app, { ...parts, key });
}

/** The doors to the accounts: GraphQL, REST and the pages behind the links of mails. */
function serveCallers(app: FastifyInstance, parts: HttpParts): void {
  const { config, prepareDocument } = parts;
  serveGraphql(app, parts);
  const pageParts = { prepareDocument, linkOwners: createLinkOwners(parts) };
  const verifyPage = createVerifyPage(pageParts);
  serveRest(app, { ...parts, prefix: config.restPrefix, verifyPage });
  servePages(app, { ...pageParts, passwordMinLength: config.passwordMinLength });
  if (config.mail.kind === 'mailbox' && !config.isProduction) {
    serveMailbox(app, { mailbox: parts.mailbox, publicUrl: config.publicUrl });
  }
}
