/** Security headers, host check and CORS of all routes. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import type { Config } from '../../config/config.ts';
import { sendHttpError } from './responses.ts';

export async function setSecurityHeaders(
  app: FastifyInstance,
  config: Pick<Config, 'allowedHosts' | 'corsAllowedOrigins'>,
): Promise<void> {
  const isAllowed = cacheLastAllowed((host) => isAllowedHost(host, config.allowedHosts));
  // Routes with cacheable responses override cache-control.
  const headers = { 'cache-control': 'no-store', ...(await helmetHeaders()) };
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    const { acceptsAnyHost } = request.routeOptions.config;
    const hosts = countHosts(request);
    const isValid = acceptsAnyHost ? hosts <= 1 : hosts === 1 && isAllowed(request.headers.host);
    if (isValid) return done();
    sendHttpError(reply, 400, 'This host name is not allowed.');
  });
  await allowOrigins(app, config.corsAllowedOrigins);
}

/** Security headers for browsers. Helmet runs once, because it computes the same headers each time. */
async function helmetHeaders(): Promise<Readonly<Record<string, string>>> {
  await using app = fastify();
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
    frameguard: { action: 'deny' },
  });
  app.get('/', (_request, reply) => reply.send());
  const { headers } = await app.inject('/');
  const others = new Set(['connection', 'content-length', 'date']);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      others.has(name) ? [] : [[name, String(value)]],
    ),
  );
}

/** Caches the last allowed host: nearly all requests have the same. */
function cacheLastAllowed(isAllowed: (host: string | undefined) => boolean): typeof isAllowed {
  let last: string | undefined;
  return (host) => {
    if (host !== undefined && host === last) return true;
    if (!isAllowed(host)) return false;
    last = host;
    return true;
  };
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

async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(cors, {
    origin: origins.length > 0 ? origins.map(originPattern) : false,
    credentials: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Accept-Language',
      'Authorization',
      'Content-Type',
      'Apollo-Require-Preflight',
      'Apollographql-Client-Name',
      'Apollographql-Client-Version',
      'X-Apollo-Operation-Name',
      'Traceparent',
      'Tracestate',
    ],
    exposedHeaders: ['Link', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    maxAge: 600,
    strictPreflight: false,
  });
}

/** `https://*.example.com` matches subdomains of any depth, and not example.com itself. */
function originPattern(origin: string): string | RegExp {
  if (!origin.includes('*')) return origin;
  const [scheme = '', domain = ''] = origin.split('*.').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${scheme}(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+${domain}$`);
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
