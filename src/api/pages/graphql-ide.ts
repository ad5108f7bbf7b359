/** The GraphQL IDE (Altair), served from the package's own files; only there while DEBUG is on. */
import fastifyStatic from '@fastify/static';
import { getDistDirectory, renderAltair } from 'altair-static';
import type { FastifyInstance } from 'fastify';

const path = '/graphql/ide/';

/** The IDE compiles queries and runs workers of its own: it gets a policy of its own. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
  "base-uri 'self'",
  "frame-ancestors 'none'",
].join('; ');

export async function serveGraphqlIde(app: FastifyInstance): Promise<void> {
  const page = renderAltair({ baseURL: path, endpointURL: '/graphql' });
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith(path)) {
      reply.header('content-security-policy', contentSecurityPolicy);
    } else if (
      request.method === 'GET' &&
      request.url === '/graphql' &&
      wantsPage(request.headers)
    ) {
      return reply.redirect(path);
    }
  });
  app.get(path, (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
  await app.register(fastifyStatic, { root: getDistDirectory(), prefix: path, index: false });
}

function wantsPage({ accept = '' }: { accept?: string | undefined }): boolean {
  return accept.includes('text/html');
}
