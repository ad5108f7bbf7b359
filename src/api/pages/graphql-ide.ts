/** The GraphQL IDE (Altair), from the files of its package. It exists while DEBUG is on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { assetPath } from '../../core/package.ts';
import { acceptsHtml } from '../http/content-negotiation.ts';
import { graphqlPath } from '../http/responses.ts';
import { type MemoryFile, memoryFile, sendFile, serveFiles } from './assets/assets.ts';

export const graphqlIdePath = `${graphqlPath}/ide/`;
const path = graphqlIdePath;

/** The IDE sets styles in scripts. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "form-action 'none'",
  "base-uri 'self'",
  "frame-ancestors 'none'",
].join('; ');

const settings = { baseURL: path, endpointURL: graphqlPath };
const start = memoryFile(
  `AltairGraphQL.init(${JSON.stringify(settings)});\n`,
  'text/javascript; charset=utf-8',
);

export function serveGraphqlIde(app: FastifyInstance): void {
  const directory = assetPath('altair');
  app.addHook('onRequest', async ({ method, url, headers }, reply) => {
    if (method === 'GET' && url === graphqlPath && acceptsHtml(headers.accept))
      return reply.redirect(path);
  });
  let page: MemoryFile | undefined;
  app.get(path, (request, reply) => {
    page ??= createPage(directory);
    reply.header('content-security-policy', contentSecurityPolicy);
    return sendFile(request, reply, page);
  });
  app.get(`${path}start.js`, (request, reply) => sendFile(request, reply, start));
  serveFiles(app, { prefix: path, directory });
}

/** The page of the package with its address and a script that starts the IDE. */
function createPage(directory: string): MemoryFile {
  const html = readFileSync(join(directory, 'index.html'), 'utf8')
    .replace(/<base [^>]*>/, `<base href="${path}">`)
    .replace('</body>', '<script type="module" src="start.js"></script></body>');
  return memoryFile(html, 'text/html; charset=utf-8');
}
