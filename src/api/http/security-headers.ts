/** What holds for every answer, whichever route gives it: which hosts and origins, which headers. */
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
  // Routes whose answers may be kept say so themselves.
  const isServed = remembered((host) => isAllowedHost(host, config.allowedHosts));
  const headers = { 'cache-control': 'no-store', ...(await helmetHeaders()) };
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    const { isForAnyHost } = request.routeOptions.config;
    const hosts = countHosts(request);
    const isAllowed = isForAnyHost ? hosts <= 1 : hosts === 1 && isServed(request.headers.host);
    if (isAllowed) return done();
    sendHttpError(reply, 400, 'This host name is not served here.');
  });
  await allowOrigins(app, config.corsAllowedOrigins);
}

/** The headers that keep browsers in check. Helmet is asked once: it works them out for each answer. */
async function helmetHeaders(): Promise<Readonly<Record<string, string>>> {
  await using once = fastify();
  await once.register(helmet, {
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
  once.get('/', (_request, reply) => reply.send());
  const { headers } = await once.inject('/');
  const others = new Set(['connection', 'content-length', 'date']);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      others.has(name) ? [] : [[name, String(value)]],
    ),
  );
}

/** Remembers the last that was allowed: nearly all ask for the same. */
function remembered(isAllowed: (host: string | undefined) => boolean): typeof isAllowed {
  let last: string | undefined;
  return (host) => {
    if (host !== undefined && host === last) return true;
    if (!isAllowed(host)) return false;
    last = host;
    return true;
  };
}

/** Node takes the first of several, a proxy may have judged the last (RFC 9112 §3.2). */
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
    origin: origins.length > 0 ? origins.map(matcherOf) : false,
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

/** `https://*.example.com` stands for every subdomain of any depth, and not for example.com itself. */
function matcherOf(origin: string): string | RegExp {
  if (!origin.includes('*')) return origin;
  const [scheme = '', domain = ''] = origin.split('*.').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${scheme}(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+${domain}$`);
}

/**
 * Whether `hostHeader` is allowed: by name, by `.example.com` for a domain with all below it, or by
 * `*` for every name. The port does not matter.
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
