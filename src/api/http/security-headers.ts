/** Security headers, host check and CORS of all routes. */
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.ts';
import type { OriginCheck } from '../../config/origins.ts';
import { sendHttpError } from './responses.ts';

/** @param others the directives of some responses */
function policyWith(formTargets: readonly string[], others: readonly string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    ["form-action 'self'", ...formTargets].join(' '),
    "frame-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...others,
  ].join(';');
}

/**
 * The policy of a page.
 *
 * @param formTargets other origins that a form may lead to. Browsers apply `form-action` to the redirect after a form
 *   too.
 */
export function policyOfPage(formTargets: readonly string[] = []): string {
  return policyWith(formTargets, ["script-src 'self'"]);
}

/** The headers of every response: those of Helmet 8, with stricter policies. */
export const securityHeaders = {
  // Routes with cacheable responses override it.
  'cache-control': 'no-store',
  'content-security-policy': policyWith([], []),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
} as const;

export async function setSecurityHeaders(
  app: FastifyInstance,
  { allowedHosts }: Pick<Config, 'allowedHosts'>,
  isAllowedOrigin: OriginCheck,
): Promise<void> {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(securityHeaders);
    if (hasAllowedHost(request, allowedHosts)) return done();
    sendHttpError(reply, 400, 'This host name is not allowed.');
  });
  await allowOrigins(app, isAllowedOrigin);
}

function hasAllowedHost(request: FastifyRequest, allowed: readonly string[]): boolean {
  const hosts = countHosts(request);
  if (request.routeOptions.config.acceptsAnyHost) return hosts <= 1;
  return hosts === 1 && isAllowedHost(request.headers.host, allowed);
}

/** Node uses the first of several Host headers, a proxy may have used the last (RFC 9112 §3.2). */
function countHosts({ raw: { rawHeaders } }: FastifyRequest): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts;
}

/** Request headers of scripts of allowed origins: of the interfaces, of client libraries, and of their monitoring. */
const allowedHeaders = [
  ...['Accept', 'Accept-Language', 'Authorization', 'Cache-Control', 'Content-Type', 'Pragma'],
  ...['Idempotency-Key', 'X-Session-Transport'],
  ...['X-CSRFToken', 'X-CSRF-Token', 'X-XSRF-TOKEN', 'X-Requested-With'],
  ...['Apollo-Require-Preflight', 'GraphQL-Preflight', 'GraphQL-Require-Preflight'],
  ...['Apollographql-Client-Name', 'Apollographql-Client-Version'],
  ...['X-Apollo-Operation-Name', 'X-Apollo-Operation-Id'],
  ...['Traceparent', 'Tracestate', 'Baggage', 'Sentry-Trace'],
  ...['X-Request-Id', 'X-Correlation-Id', 'Request-Id', 'Request-Context', 'X-Amzn-Trace-Id'],
  ...['B3', 'X-B3-TraceId', 'X-B3-SpanId', 'X-B3-ParentSpanId', 'X-B3-Sampled', 'X-B3-Flags'],
  ...['X-Datadog-Trace-Id', 'X-Datadog-Parent-Id', 'X-Datadog-Origin', 'X-Datadog-Tags'],
  ...['X-Datadog-Sampling-Priority', 'Newrelic', 'Elastic-Apm-Traceparent'],
];

/** Allowed origins may use the session cookie. Other origins get no CORS header except for public documents. */
async function allowOrigins(app: FastifyInstance, isAllowedOrigin: OriginCheck): Promise<void> {
  // The plugin answers every OPTIONS of a public document, also one that is no preflight.
  app.addHook('onRequest', (request, reply, done) => {
    const isPublic = 'cors' in request.routeOptions.config;
    if (request.method === 'OPTIONS' && isPublic) reply.header('allow', 'GET, HEAD, OPTIONS');
    done();
  });
  await app.register(cors, {
    origin: async (origin: string | undefined) => isAllowedOrigin(origin),
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders,
    exposedHeaders: ['Link', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    maxAge: 600,
    strictPreflight: false,
  });
}

/** Serves a JSON document that scripts of every origin may read, and caches may keep. */
export function servePublicDocument(
  app: FastifyInstance,
  url: string,
  document: {
    readonly type: string;
    readonly maxAgeSeconds: number;
    readonly text: () => string;
  },
): void {
  app.route({
    method: ['GET', 'OPTIONS'], // OPTIONS, because the preflight uses the options of its own route
    url,
    config: { cors: { origin: '*', credentials: false } },
    handler: (_request, reply) =>
      reply
        .type(`${document.type}; charset=utf-8`)
        .header('cache-control', `public, max-age=${document.maxAgeSeconds}`)
        .header('cross-origin-resource-policy', 'cross-origin')
        .send(document.text()),
  });
}

/**
 * An entry of `allowed` is a name, a domain with its subdomains (`.example.com`) or `*` for every name.
 * The port is ignored.
 */
export function isAllowedHost(hostHeader: string | undefined, allowed: readonly string[]): boolean {
  if (hostHeader === undefined) return false;
  const name = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(:\d{1,5})?$/.exec(
    hostHeader.toLowerCase(),
  )?.[1];
  if (name === undefined) return false;
  return allowed.some((entry) => {
    if (entry === '*' || entry === name) return true;
    return entry.startsWith('.') && (name === entry.slice(1) || name.endsWith(entry));
  });
}
