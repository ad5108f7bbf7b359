/**
 * Requests without a handler (404, 405, 501) and errors of handlers. All responses have the same
 * format and repeat nothing of the request. A browser that opens an address without a page gets a page.
 */
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HTTPMethods,
} from 'fastify';
import { OAuthError } from '../../features/oauth/oauth-errors.ts';
import { acceptsHtml } from './content-negotiation.ts';
import {
  HttpError,
  sendHttpError,
  sendInternalError,
  sendOAuthError,
  sendProblem,
  toProblem,
} from './responses.ts';
import { securityHeaders } from './security-headers.ts';

/** Sends the page for a browser. Scripts and API clients get JSON. */
export type SendErrorPage = (reply: FastifyReply, status: number) => FastifyReply;

/** @param message the text for a client that is no browser; by default that of the status */
function sendMissing(
  reply: FastifyReply,
  sendErrorPage: SendErrorPage,
  { status, message }: { readonly status: number; readonly message?: string },
): FastifyReply {
  const { method, headers } = reply.request;
  const isNavigation = (method === 'GET' || method === 'HEAD') && acceptsHtml(headers.accept);
  return isNavigation ? sendErrorPage(reply, status) : sendHttpError(reply, status, message);
}

export function handleErrors(app: FastifyInstance, sendErrorPage: SendErrorPage): void {
  app.setNotFoundHandler((_request, reply) => sendMissing(reply, sendErrorPage, { status: 404 }));
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => {
    const problem = toProblem(error);
    if (problem) return sendProblem(reply, problem);
    if (error instanceof OAuthError) return sendOAuthError(reply, error);
    if (error instanceof HttpError) {
      return sendHttpError(reply, error.statusCode, error.message);
    }
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status >= 400 && status < 500) return sendHttpError(reply, status);
    if (error.name !== 'AbortError') request.log.error({ err: error }, 'unexpected error');
    return sendInternalError(reply);
  });
}

/** The response to a URL that the router cannot parse. Fastify runs no hook for such a request. */
export function sendUnroutable(
  error: FastifyError,
  reply: FastifyReply,
  sendErrorPage: SendErrorPage,
): void {
  reply.headers({ ...securityHeaders, 'x-request-id': reply.request.id });
  sendMissing(reply, sendErrorPage, { status: error.statusCode ?? 400 });
}

const supportedMethods: readonly HTTPMethods[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
];

/** Rejects a request without a route. Add it before the hooks that authenticate and read bodies. */
export function rejectUnknownRoutes(app: FastifyInstance, sendErrorPage: SendErrorPage): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const isSupported = supportedMethods.some((method) => method === request.method);
    sendMissing(reply, sendErrorPage, { status: isSupported ? 404 : 501 });
  });
}

/** The methods of a URL. */
export interface RouteMethods {
  readonly methods: readonly string[];
  readonly acceptsAnyHost: boolean;
  readonly refusesOptions: boolean;
}

/** Collects the methods of every route by URL. Call it before the first route is added. */
export function collectMethods(app: FastifyInstance): ReadonlyMap<string, RouteMethods> {
  const methodsByUrl = new Map<string, RouteMethods>();
  app.addHook('onRoute', ({ url, method, config }) => {
    const known = methodsByUrl.get(url)?.methods ?? [];
    methodsByUrl.set(url, {
      methods: [...new Set([...known, method].flat())],
      acceptsAnyHost: config?.acceptsAnyHost ?? false,
      refusesOptions: config?.refusesOptions ?? false,
    });
  });
  return methodsByUrl;
}

/**
 * Adds 405 routes: Fastify answers 404 to another method, RFC 9110 §15.5.6 requires 405 with Allow. A route with
 * `refusesOptions` answers 405 to `OPTIONS` too, also to a preflight.
 */
export function addMethodNotAllowedRoutes(
  app: FastifyInstance,
  methodsByUrl: ReadonlyMap<string, RouteMethods>,
  sendErrorPage: SendErrorPage,
): void {
  for (const [url, { methods: known, acceptsAnyHost, refusesOptions }] of [...methodsByUrl]) {
    const others = supportedMethods.filter((method) => !known.includes(method));
    if (others.length === 0 || url === '*') continue;
    const allowed = refusesOptions || known.includes('OPTIONS') ? known : [...known, 'OPTIONS'];
    const reject = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.header('allow', allowed.join(', '));
      if (request.method === 'OPTIONS' && !refusesOptions) return reply.code(204).send();
      const message = `Method not allowed. Use ${known.join(' or ')}.`;
      return sendMissing(reply, sendErrorPage, { status: 405, message });
    };
    const config = { acceptsAnyHost, ...(refusesOptions ? { cors: false as const } : {}) };
    app.route({ method: others, url, config, onRequest: reject, handler: reject });
  }
}
