/** The description of the REST interface, for programs and for people. */
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toJsonLine } from './envelope.ts';
import { memoryFile, sendFile, serveFiles } from './pages/memory-files.ts';
import { openApiDocument } from './rest/openapi.ts';

const path = '/docs';

/** Swagger UI sets styles from scripts and has its icons in the style sheet; nothing of it is elsewhere. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Where the package keeps the files of Swagger UI. */
const filesDirectory = fileURLToPath(
  new URL('static/', import.meta.resolve('@fastify/swagger-ui')),
);

const page = memoryFile(
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse REST API</title>
<link rel="icon" type="image/png" href="${path}/static/favicon-32x32.png" sizes="32x32">
<link rel="stylesheet" href="${path}/static/swagger-ui.css">
<link rel="stylesheet" href="${path}/static/index.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${path}/static/swagger-ui-bundle.js"></script>
<script src="${path}/start.js"></script>
</body>
</html>
`,
  'text/html; charset=utf-8',
);

const start = memoryFile(
  `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  validatorUrl: null,
});
`,
  'text/javascript; charset=utf-8',
);

/** `/openapi.json` for programs and `/docs` for people. */
export function serveDocumentation(
  app: FastifyInstance,
  parts: Parameters<typeof openApiDocument>[0],
): void {
  const document = memoryFile(
    toJsonLine(openApiDocument(parts)),
    'application/json; charset=utf-8',
  );
  const headers = { 'content-security-policy': contentSecurityPolicy };
  app.get('/openapi.json', (request, reply) => sendFile(request, reply, document));
  const sendPage = (request: FastifyRequest, reply: FastifyReply) =>
    sendFile(request, reply.headers(headers), page);
  app.get(path, sendPage);
  app.get(`${path}/start.js`, (request, reply) => sendFile(request, reply.headers(headers), start));
  serveFiles(app, { prefix: `${path}/static/`, directory: filesDirectory, headers });
}
