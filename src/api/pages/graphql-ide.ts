/** The GraphQL IDE (Altair), served from the package's own files; only there while DEBUG is on. */
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { graphqlPath } from '../envelope.ts';

const path = `${graphqlPath}/ide/`;

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

/** Where the package keeps its files. */
const distDirectory = fileURLToPath(new URL('dist', import.meta.resolve('altair-static')));

export async function serveGraphqlIde(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith(path)) {
      reply.header('content-security-policy', contentSecurityPolicy);
    } else if (
      request.method === 'GET' &&
      request.url === graphqlPath &&
      wantsPage(request.headers)
    ) {
      return reply.redirect(path);
    }
  });
  app.get(path, async (_request, reply) => {
    // Loaded when somebody looks: it would cost every start a fifth of a second.
    const { renderAltair } = await import('altair-static');
    const page = renderAltair({ baseURL: path, endpointURL: graphqlPath });
    return reply.type('text/html; charset=utf-8').send(page);
  });
  await app.register(fastifyStatic, { root: distDirectory, prefix: path, index: false });
}

function wantsPage({ accept = '' }: { accept?: string | undefined }): boolean {
  return accept.includes('text/html');
}
