/** The GraphQL IDE (Altair), from the files of its package. It exists while DEBUG is on. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { acceptsHtml } from '../http/content-negotiation.ts';
import { graphqlPath } from '../http/responses.ts';
import { type MemoryFile, memoryFile, sendFile, serveFiles } from './assets.ts';

const path = `${graphqlPath}/ide/`;

/** Allows the inline script by its digest. The IDE sets styles in scripts. */
const policyFor = (scriptDigest: string) =>
  [
    "default-src 'none'",
    `script-src 'self' '${scriptDigest}'`,
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

/** The directory of the files of Altair. */
const distDirectory = fileURLToPath(new URL('dist', import.meta.resolve('altair-static')));

export function serveGraphqlIde(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, url, headers }, reply) => {
    if (method === 'GET' && url === graphqlPath && acceptsHtml(headers.accept))
      return reply.redirect(path);
  });
  let page: ReturnType<typeof renderPage> | undefined;
  app.get(path, async (request, reply) => {
    page ??= renderPage();
    const { file, policy } = await page;
    return sendFile(request, reply.header('content-security-policy', policy), file);
  });
  serveFiles(app, { prefix: path, directory: distDirectory });
}

/** Loaded at the first request, because loading takes a fifth of a second. */
async function renderPage(): Promise<{ readonly file: MemoryFile; readonly policy: string }> {
  const { renderAltair } = await import('altair-static');
  const html = renderAltair({ baseURL: path, endpointURL: graphqlPath });
  const [, script = ''] = /<script type="module" nonce="">([\s\S]*?)<\/script>/.exec(html) ?? [];
  const digest = `sha256-${createHash('sha256').update(script).digest('base64')}`;
  return { file: memoryFile(html, 'text/html; charset=utf-8'), policy: policyFor(digest) };
}
