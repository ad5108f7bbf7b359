/** The HTTP server: which hosts, which limits, which routes, and one shape for whatever goes wrong. */
import cors from '@fastify/cors';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type HTTPMethods,
  LogController,
} from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { onBehalfOf } from '../core/ambient.ts';
import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { sentenceOf, statusOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Changes } from '../db/changes.ts';
import type { UnitOfWork } from '../db/unit-of-work.ts';
import type { Passwords } from '../features/accounts/passwords.ts';
import type { OneTimePasswords } from '../features/one-time-passwords/one-time-passwords.ts';
import type { Sessions } from '../features/sessions/sessions.ts';
import type { SigningKeys } from '../features/sessions/signing-keys.ts';
import type { Tokens } from '../features/sessions/tokens.ts';
import type { DevelopmentMailbox } from '../mail/mailbox.ts';
import { createContext } from './context.ts';
import { httpRefusal, sendHttpRefusal, sendInternal, sendRefusal } from './envelope.ts';
import { type Graphql, serveGraphql } from './graphql.ts';
import { serveHealth } from './health.ts';
import { isAllowedHost } from './hosts.ts';
import { serveJwks } from './jwks.ts';
import { serveGraphqlIde } from './pages/graphql-ide.ts';
import { createLinkOwners } from './pages/link-owners.ts';
import { serveMailbox } from './pages/mailbox.ts';
import { createVerifyPage, servePages } from './pages/pages.ts';
import { problemOf } from './problem-of.ts';
import { openApiDocument } from './rest/openapi.ts';
import { serveRest } from './rest/run.ts';
import { serveRevocations } from './revocations.ts';

export interface HttpParts {
  readonly config: Config;
  readonly log: Log;
  readonly version: string;
  readonly unitOfWork: UnitOfWork;
  readonly tokens: Tokens;
  readonly signingKeys: SigningKeys;
  readonly sessions: Sessions;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly graphql: Graphql;
  readonly mailbox: DevelopmentMailbox;
  readonly oneTimePasswords: OneTimePasswords;
  readonly passwords: Passwords;
  readonly isReady: () => Promise<boolean>;
}

const bodyLimitBytes = 100_000;
/** Milliseconds for a whole request to arrive; Fastify never closes slow bodies otherwise. */
const requestTimeout = 10_000;

/** The assembled server, not listening yet. */
export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { config } = parts;
  const loggerInstance: FastifyBaseLogger = parts.log;
  const app = fastify({
    loggerInstance,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: () => uuidv7(),
    trustProxy: (_address, hop) => hop < config.trustedProxyHops,
    bodyLimit: bodyLimitBytes,
    requestTimeout,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1000 },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, _request, reply) => {
      const status = error.statusCode ?? 400;
      // No hook runs for these, so no other header is set.
      reply.header('x-content-type-options', 'nosniff');
      return sendHttpRefusal(reply, status, sentenceOfStatus(status));
    },
  });
  app.removeContentTypeParser('text/plain');
  const methodsByUrl = collectMethods(app);
  app.decorateRequest('context', null);
  handleErrors(app);
  await protect(app, config);
  openContexts(app, parts);
  logAnswers(app);

  serveHealth(app, parts.isReady);
  serveJwks(app, parts.signingKeys);
  const { revocationFeedKey: key } = config;
  if (key !== undefined) serveRevocations(app, { ...parts, key });
  serveGraphql(app, parts.graphql);
  const { passwordMinLength, publicUrl } = config;
  const pageParts = { graphql: parts.graphql, linkOwners: createLinkOwners(parts) };
  serveRest(app, {
    prefix: config.restPrefix,
    graphql: parts.graphql,
    verifyPage: createVerifyPage(pageParts),
  });
  servePages(app, { ...pageParts, passwordMinLength });
  if (config.mail.kind === 'mailbox' && !config.isProduction) {
    serveMailbox(app, { mailbox: parts.mailbox, publicUrl });
  }
  const document = openApiDocument({
    prefix: config.restPrefix,
    publicUrl,
    version: parts.version,
  });
  app.get('/openapi.json', (_request, reply) => reply.send(document));
  refuseOtherMethods(app, methodsByUrl);
  await serveDocumentation(app, document);
  if (config.debug) await serveGraphqlIde(app);
  return app;
}

async function protect(app: FastifyInstance, config: Config): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    if (isAllowedHost(request.headers.host, config.allowedHosts)) return;
    return reply.code(400).send(httpRefusal(400, 'This host name is not served here.'));
  });
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        formAction: ["'self'"],
        frameSrc: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
  });
  await app.register(cors, {
    origin: config.corsAllowedOrigins.length > 0 ? [...config.corsAllowedOrigins] : false,
    credentials: false,
    exposedHeaders: ['Link', 'Retry-After', 'X-Request-Id'],
  });
  await app.register(formbody, { bodyLimit: bodyLimitBytes });
}

/** Everything behind these hooks runs in a database context and knows who is asking. */
function openContexts(app: FastifyInstance, { unitOfWork, tokens }: HttpParts): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (request.routeOptions.config.speaks === undefined) return done();
    unitOfWork.enterContext(done);
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.speaks === undefined) return done();
    createContext(request, reply, tokens).then((context) => {
      request.context = context;
      onBehalfOf(context, done);
    }, done);
  });
}

/** One line per answer. Names the route, never the address asked for, which may hold a code. */
function logAnswers(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ip: request.ip,
      },
      'answered',
    );
  });
}

function handleErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) =>
    sendHttpRefusal(reply, statusOf('NOT_FOUND'), sentenceOf('NOT_FOUND')),
  );
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => {
    const problem = problemOf(error);
    if (problem) return sendRefusal(reply, problem);
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status >= 400 && status < 500) {
      return sendHttpRefusal(reply, status, sentenceOfStatus(status));
    }
    if (error.name !== 'AbortError') request.log.error({ err: error }, 'unexpected error');
    return sendInternal(reply);
  });
}

function sentenceOfStatus(status: number): string {
  const sentences: Readonly<Record<number, string>> = {
    400: 'The request is malformed; send well-formed JSON or a form.',
    408: 'The request took too long to arrive.',
    413: `The body is too large; send at most ${bodyLimitBytes} bytes.`,
    414: 'The address is too long.',
    415: 'This content type is not read here; send application/json or a form.',
  };
  return sentences[status] ?? 'The request cannot be read.';
}

/** Notes each of our routes' methods as it is added. */
function collectMethods(app: FastifyInstance): Map<string, string[]> {
  const methodsByUrl = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methodsByUrl.get(url) ?? [];
    methodsByUrl.set(url, [...new Set([...known, method].flat())]);
  });
  return methodsByUrl;
}

/** Fastify answers 404 to a wrong method; RFC 9110 §15.5.6 wants 405 with what is allowed. */
function refuseOtherMethods(app: FastifyInstance, methodsByUrl: Map<string, string[]>): void {
  const all: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  for (const [url, methods] of [...methodsByUrl]) {
    const others = all.filter((method) => !methods.includes(method));
    if (others.length === 0 || url === '*') continue;
    app.route({
      method: others,
      url,
      handler: (_request, reply) =>
        reply
          .code(405)
          .header('allow', methods.join(', '))
          .send(httpRefusal(405, `Use ${methods.join(' or ')} here.`)),
    });
  }
}

async function serveDocumentation(
  app: FastifyInstance,
  document: ReturnType<typeof openApiDocument>,
): Promise<void> {
  // The plugin's types end at OpenAPI 3.0; it hands a static document on as it is.
  const specification = { document } as unknown as StaticDocumentSpec;
  await app.register(swagger, { mode: 'static', specification });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
}
