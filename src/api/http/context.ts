/** Creates the request context of GraphQL, REST and pages: actor, client and entity manager. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../core/request-context.ts';
import { runWithContext } from '../../core/request-context.ts';
import { printable } from '../../core/text.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../../features/audit/audit.ts';
import type { Tokens } from '../../features/sessions/tokens.ts';
import { preferredLocale } from '../../i18n/locale.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The format of the responses. Only routes with a format have a request context. */
    readonly format?: 'graphql' | 'rest';
    /** Whether the route accepts any Host header, for probes and scrapers that use an IP address. */
    readonly acceptsAnyHost?: boolean;
  }
  interface FastifyRequest {
    context: RequestContext | null;
  }
}

const bearerPattern = /^bearer(?: +(.*))?$/i;

/** Runs every route with a format in an entity-manager context and a request context. */
export function addRequestContexts(
  app: FastifyInstance,
  {
    unitOfWork,
    tokens,
    audit,
  }: {
    readonly unitOfWork: UnitOfWork;
    readonly tokens: Tokens;
    readonly audit: Pick<Audit, 'logDenial'>;
  },
): void {
  app.decorateRequest('context', null);
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.routeOptions.config.format === undefined) return done();
    unitOfWork.enterContext(done);
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.format === undefined) return done();
    createContext(request, reply, tokens).then((context) => {
      request.context = context;
      runWithContext(context, done);
    }, done);
  });
  // Comes after the operation, whose own denial has more details: the audit log has one entry for each request.
  app.addHook('onResponse', (request, _reply, done) => {
    const { context } = request;
    if (context?.isTokenRejected) {
      runWithContext(context, () => audit.logDenial('access-token', 'UNAUTHENTICATED'));
    }
    done();
  });
}

/**
 * Does not reject an invalid bearer token, because clients send an expired token with login and refresh
 * too. The operation decides.
 */
async function createContext(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: Tokens,
): Promise<RequestContext> {
  const bearer = bearerOf(request.headers.authorization);
  const actor = bearer === undefined ? undefined : await tokens.authenticate(bearer);
  const client = {
    ipAddress: request.ip,
    userAgent: printable(request.headers['user-agent'] ?? ''),
    locale: preferredLocale(request.headers['accept-language']),
    requestId: request.id,
  };
  const isTokenRejected = bearer !== undefined && actor === undefined;
  return new HttpContext({ actor, isTokenRejected, client }, () => disconnectSignal(reply));
}

/** A class, because Apollo copies the context: copying would call a getter of the object itself. */
class HttpContext implements RequestContext {
  readonly actor: RequestContext['actor'];
  readonly isTokenRejected: boolean;
  readonly client: RequestContext['client'];
  readonly createSignal: () => AbortSignal;

  constructor(
    fields: Pick<RequestContext, 'actor' | 'client'> & { readonly isTokenRejected: boolean },
    createSignal: () => AbortSignal,
  ) {
    this.actor = fields.actor;
    this.isTokenRejected = fields.isTokenRejected;
    this.client = fields.client;
    this.createSignal = createSignal;
  }

  get signal(): AbortSignal {
    return this.createSignal();
  }
}

/** The request context of a route with a format. */
export function contextOf(request: FastifyRequest): RequestContext {
  if (!request.context) throw new Error('the route has no request context');
  return request.context;
}

/** The bearer token of an Authorization header; undefined for another scheme or no header. */
function bearerOf(header: string | undefined): string | undefined {
  const match = header === undefined ? null : bearerPattern.exec(header);
  return match ? (match[1] ?? '') : undefined;
}

/** One error for all requests: creating an error for each would read the stack each time. */
const disconnected = new DOMException('the client does not wait for the response', 'AbortError');

/** Aborts when the client has disconnected or has a response, such as that of the request timeout. */
function disconnectSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.writableEnded || raw.destroyed) controller.abort(disconnected);
  else raw.once('close', () => controller.abort(disconnected));
  return controller.signal;
}
