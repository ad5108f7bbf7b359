/** The page `/docs`: the REST API in Swagger UI, without external requests. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { assetPath } from '../../core/package.ts';
import { memoryFile, sendFile, serveFiles } from '../pages/assets.ts';
import { apiTitle } from '../rest/openapi/document.ts';
import { openApiPath } from './openapi.ts';

const path = '/docs';

/** Swagger UI sets styles in scripts and has icons in its style sheet. */
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

const page = memoryFile(
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${apiTitle}</title>
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
  url: '${openApiPath}',
  dom_id: '#swagger-ui',
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  validatorUrl: null,
});
`,
  'text/javascript; charset=utf-8',
);

export function serveApiReference(app: FastifyInstance): void {
  const headers = { 'content-security-policy': contentSecurityPolicy };
  const sendPage = (request: FastifyRequest, reply: FastifyReply) =>
    sendFile(request, reply.headers(headers), page);
  app.get(path, sendPage);
  app.get(`${path}/start.js`, (request, reply) => sendFile(request, reply.headers(headers), start));
  serveFiles(app, { prefix: `${path}/static/`, directory: assetPath('swagger-ui'), headers });
}
