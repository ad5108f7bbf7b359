/** Creates the request context of GraphQL, REST and pages: actor, client and entity manager. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type {
  Actor,
  ClientInfo,
  RequestContext,
  SessionCookie,
} from '../../core/request-context.ts';
import { runWithContext } from '../../core/request-context.ts';
import { printable } from '../../core/text.ts';
import { isApiKey } from '../../crypto/api-key.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { KeyAuthentication } from '../../features/api-keys/key-authentication.ts';
import type { Audit } from '../../features/audit/audit.ts';
import type { Tokens } from '../../features/sessions/tokens.ts';
import { preferredLocale } from '../../i18n/locale.ts';
import { hasSessionCookie } from './session-cookie.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The format of the responses. Only routes with a format have a request context. */
    readonly format?: 'graphql' | 'rest' | 'oauth';
    /** Whether the route accepts any Host header, for probes and scrapers that use an IP address. */
    readonly acceptsAnyHost?: boolean;
    /** Whether `OPTIONS` is 405 and no preflight is answered, because a 2xx allows the request of another client. */
    readonly refusesOptions?: boolean;
  }
  interface FastifyRequest {
    context: RequestContext | null;
  }
}

const bearerPattern = /^bearer(?: +(.*))?$/i;

/** The services that authenticate bearer tokens: API keys by their prefix, and access tokens. */
export interface Authenticators {
  readonly tokens: Pick<Tokens, 'authenticate'>;
  readonly keyAuthentication: Pick<KeyAuthentication, 'authenticate'>;
}

/** Runs every route with a format in an entity-manager context and a request context. */
export function addRequestContexts(
  app: FastifyInstance,
  {
    unitOfWork,
    audit,
    ...authenticators
  }: Authenticators & {
    readonly unitOfWork: UnitOfWork;
    readonly audit: Pick<Audit, 'logDenial'>;
  },
): void {
  app.decorateRequest('context', null);
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.format === undefined) return done();
    unitOfWork.enterContext(() => {
      createContext(request, reply, authenticators).then((context) => {
        request.context = context;
        runWithContext(context, done);
      }, done);
    });
  });
  // Comes after the operation, whose own denial has more details: the audit log has one entry for each request.
  app.addHook('onResponse', (request, _reply, done) => {
    const { context } = request;
    if (context?.isTokenRejected) {
      const event = isApiKey(bearerOf(request.headers.authorization) ?? '')
        ? 'api-key'
        : 'access-token';
      runWithContext(context, () => audit.logDenial(event, 'UNAUTHENTICATED'));
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
  authenticators: Authenticators,
): Promise<RequestContext> {
  const client = new HttpClient(request);
  const bearer = bearerOf(request.headers.authorization);
  const actor =
    bearer === undefined ? undefined : await authenticate(bearer, client, authenticators);
  const isTokenRejected = bearer !== undefined && actor === undefined;
  return new HttpContext({ actor, isTokenRejected, client }, request, reply.raw);
}

/** @throws THROTTLED for an unknown API key, when the attempts of the network are used up */
function authenticate(
  bearer: string,
  client: ClientInfo,
  { tokens, keyAuthentication }: Authenticators,
): Promise<Actor | undefined> {
  return isApiKey(bearer)
    ? keyAuthentication.authenticate(bearer, client)
    : tokens.authenticate(bearer);
}

/** The client of a request. Few operations use the user agent and the locale. */
class HttpClient implements ClientInfo {
  readonly ipAddress: string;
  readonly requestId: string;
  readonly #headers: IncomingHttpHeaders;

  constructor({ ip, id, headers }: FastifyRequest) {
    this.ipAddress = ip;
    this.requestId = id;
    this.#headers = headers;
  }

  get userAgent(): string {
    return printable(this.#headers['user-agent'] ?? '');
  }

  get locale(): string {
    return preferredLocale(this.#headers['accept-language']);
  }
}

/** A class, because Apollo copies the context: copying would call a getter of the object itself. */
class HttpContext implements RequestContext {
  readonly actor: RequestContext['actor'];
  readonly isTokenRejected: boolean;
  readonly client: ClientInfo;
  readonly sessionCookie: SessionCookie | undefined;
  private readonly request: FastifyRequest;
  private readonly response: ServerResponse;

  constructor(
    fields: Pick<RequestContext, 'actor' | 'client'> & { readonly isTokenRejected: boolean },
    request: FastifyRequest,
    response: ServerResponse,
  ) {
    this.actor = fields.actor;
    this.isTokenRejected = fields.isTokenRejected;
    this.client = fields.client;
    this.sessionCookie = request.sessionCookie;
    this.request = request;
    this.response = response;
  }

  get hasIgnoredCookie(): boolean {
    return this.sessionCookie === undefined && hasSessionCookie(this.request);
  }

  get signal(): AbortSignal {
    return disconnectSignal(this.response);
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

/**
 * Aborts when the client has disconnected or has a response, such as that of the request timeout. The signal of
 * Fastify aborts when the body has been read.
 */
function disconnectSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.writableEnded || response.destroyed) controller.abort(disconnected);
  else response.once('close', () => controller.abort(disconnected));
  return controller.signal;
}
