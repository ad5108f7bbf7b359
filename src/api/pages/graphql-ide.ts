/** The GraphQL IDE (Altair), served from the package's own files; only there while DEBUG is on. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { graphqlPath } from '../http/responses.ts';
import { type MemoryFile, memoryFile, sendFile, serveFiles } from './assets.ts';

const path = `${graphqlPath}/ide/`;

/** The one script inside the page is named by its digest; the IDE sets styles from scripts. */
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

/** Where the package keeps its files. */
const distDirectory = fileURLToPath(new URL('dist', import.meta.resolve('altair-static')));

export function serveGraphqlIde(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, url, headers }, reply) => {
    if (method === 'GET' && url === graphqlPath && wantsPage(headers)) return reply.redirect(path);
  });
  let page: ReturnType<typeof renderPage> | undefined;
  app.get(path, async (request, reply) => {
    page ??= renderPage();
    const { file, policy } = await page;
    return sendFile(request, reply.header('content-security-policy', policy), file);
  });
  serveFiles(app, { prefix: path, directory: distDirectory });
}

/** Loaded when somebody looks: it would cost every start a fifth of a second. */
async function renderPage(): Promise<{ readonly file: MemoryFile; readonly policy: string }> {
  const { renderAltair } = await import('altair-static');
  const html = renderAltair({ baseURL: path, endpointURL: graphqlPath });
  const [, script = ''] = /<script type="module" nonce="">([\s\S]*?)<\/script>/.exec(html) ?? [];
  const digest = `sha256-${createHash('sha256').update(script).digest('base64')}`;
  return { file: memoryFile(html, 'text/html; charset=utf-8'), policy: policyFor(digest) };
}

function wantsPage({ accept = '' }: { accept?: string | undefined }): boolean {
  return accept.includes('text/html');
}
