/** What holds for every answer, whichever route gives it: which hosts and origins, which headers. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../core/config.ts';
import { httpRefusal } from './envelope.ts';
import { isAllowedHost } from './hosts.ts';

export async function protect(
  app: FastifyInstance,
  config: Pick<Config, 'allowedHosts' | 'corsAllowedOrigins'>,
): Promise<void> {
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
  app.addHook('onRequest', async (request, reply) => {
    if (isAllowedHost(request.headers.host, config.allowedHosts)) return;
    return reply.code(400).send(httpRefusal(400, 'This host name is not served here.'));
  });
  await app.register(cors, {
    origin: config.corsAllowedOrigins.length > 0 ? [...config.corsAllowedOrigins] : false,
    credentials: false,
    exposedHeaders: ['Link', 'Retry-After', 'X-Request-Id'],
  });
}
