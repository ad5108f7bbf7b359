/** The page `/docs`: the REST API in Swagger UI, without external requests. */
import type { FastifyInstance } from 'fastify';
import { assetPath } from '../../core/package.ts';
import { iconPath, memoryFile, sendFile, serveFiles } from '../pages/assets/assets.ts';
import { brandLine } from '../pages/page.ts';
import { apiTitle } from '../rest/openapi/document.ts';
import { apiReferenceStyle } from './api-reference-style.ts';
import { openApiPath } from './openapi.ts';

export const apiReferencePath = '/docs';
const path = apiReferencePath;

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

/** @param brand HTML with the logo and the name of the product */
const createPage = (brand: string) =>
  memoryFile(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${apiTitle}</title>
<link rel="icon" type="image/svg+xml" href="${iconPath}">
<link rel="stylesheet" href="${path}/static/swagger-ui.css">
<link rel="stylesheet" href="${path}/static/index.css">
<link rel="stylesheet" href="${path}/style.css">
</head>
<body>
<header class="brand-bar">${brand}</header>
<main id="reference"></main>
<noscript><p class="brand-bar">This page needs JavaScript. <a href="${openApiPath}">${openApiPath}</a> describes the API.</p></noscript>
<script src="${path}/static/swagger-ui-bundle.js"></script>
<script src="${path}/start.js"></script>
</body>
</html>
`,
    'text/html; charset=utf-8',
  );

const start = memoryFile(
  `const dark = matchMedia('(prefers-color-scheme: dark)');
const setColors = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', setColors);
setColors();
SwaggerUIBundle({
  url: '${openApiPath}',
  dom_id: '#reference',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  validatorUrl: null,
});
`,
  'text/javascript; charset=utf-8',
);

const style = memoryFile(apiReferenceStyle, 'text/css; charset=utf-8');

export function serveApiReference(app: FastifyInstance): void {
  const headers = { 'content-security-policy': contentSecurityPolicy };
  const files = [
    [path, createPage(brandLine(app.presentation.brand).text)],
    [`${path}/start.js`, start],
    [`${path}/style.css`, style],
  ] as const;
  for (const [url, file] of files) {
    app.get(url, (request, reply) => sendFile(request, reply.headers(headers), file));
  }
  serveFiles(app, { prefix: `${path}/static/`, directory: assetPath('swagger-ui'), headers });
}
