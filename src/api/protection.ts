/** What holds for every answer, whichever route gives it: which hosts and origins, which headers. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../core/config.ts';
import { sendHttpRefusal } from './envelope.ts';
import { isAllowedHost } from './hosts.ts';

export async function protect(
  app: FastifyInstance,
  config: Pick<Config, 'allowedHosts' | 'corsAllowedOrigins'>,
): Promise<void> {
  app.addHook('onRequest', async (_request, reply) => {
    // Routes whose answers may be kept say so themselves.
    reply.header('cache-control', 'no-store');
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
    frameguard: { action: 'deny' },
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.isForAnyHost) return;
    if (hasOneHost(request) && isAllowedHost(request.headers.host, config.allowedHosts)) return;
    return sendHttpRefusal(reply, 400, 'This host name is not served here.');
  });
  await allowOrigins(app, config.corsAllowedOrigins);
}

/** Node takes the first of several, a proxy may have judged the last (RFC 9112 §3.2). */
function hasOneHost({ raw }: FastifyRequest): boolean {
  const names = raw.rawHeaders.filter((_, index) => index % 2 === 0);
  return names.filter((name) => name.toLowerCase() === 'host').length === 1;
}

async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(cors, {
    origin: origins.length > 0 ? [...origins] : false,
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
