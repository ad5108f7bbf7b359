/** The OpenAPI 3.1 document, generated from the REST routes, and its page with Swagger UI. */

import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sentenceOf, statusOf } from '../../core/errors.ts';
import { toJsonLine } from '../http/responses.ts';
import { memoryFile, sendFile, serveFiles } from '../pages/assets.ts';
import type { RestParam, RestRoute } from '../rest/route.ts';
import { restRoutes } from '../rest/routes.ts';

export function openApiDocument(settings: { prefix: string; publicUrl: string; version: string }) {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of restRoutes) {
    const url = `${settings.prefix}${route.path}`.replace(/:(\w+)/g, '{$1}');
    paths[url] = { ...paths[url], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0' as const,
    info: {
      title: 'Gatehouse',
      version: settings.version,
      description:
        'Accounts and sessions. Every response is `{"message", "data"}`. The `data` of an error is `{"code", "fields"}`. The final slash of a path is optional.',
    },
    servers: [{ url: settings.publicUrl }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: problemSchema },
    },
  };
}

const problemSchema = {
  type: 'object',
  required: ['message', 'data'],
  properties: {
    message: { type: 'string' },
    data: {
      type: 'object',
      required: ['code', 'fields'],
      properties: {
        code: { type: 'string' },
        fields: {
          type: 'array',
          items: {
            type: 'object',
            properties: { path: { type: 'string' }, message: { type: 'string' } },
          },
        },
      },
    },
  },
} as const;

function operation(route: RestRoute): object {
  const params = Object.entries(route.params);
  const bodyParams = params.filter(([, { from }]) => from === 'body');
  return {
    summary: route.summary,
    ...(route.needsToken ? { security: [{ bearer: [] }] } : {}),
    parameters: params.filter(([, { from }]) => from !== 'body').map(parameter),
    ...(bodyParams.length > 0 ? { requestBody: requestBody(bodyParams) } : {}),
    responses: { [route.success.status]: successResponse(route), ...errorResponses(route) },
  };
}

const schemas = {
  text: { type: 'string' },
  flag: { type: 'boolean' },
  number: { type: 'integer', minimum: 0 },
  ids: { type: 'array', items: { type: 'string', format: 'uuid' } },
} as const satisfies Record<RestParam['kind'], object>;

function parameter([name, { from, isRequired, description, kind }]: [string, RestParam]): object {
  return { name, in: from, required: isRequired, description, schema: schemas[kind] };
}

function requestBody(params: readonly [string, RestParam][]): object {
  const schema = {
    type: 'object',
    required: params.filter(([, { isRequired }]) => isRequired).map(([name]) => name),
    properties: Object.fromEntries(
      params.map(([name, { description, kind }]) => [name, { ...schemas[kind], description }]),
    ),
  };
  return {
    required: params.some(([, { isRequired }]) => isRequired),
    content: { 'application/json': { schema }, 'application/x-www-form-urlencoded': { schema } },
  };
}

function successResponse({ success: { status, message, data }, isList }: RestRoute): object {
  if (status === 204) return { description: message };
  const properties = Object.fromEntries(Object.keys(data).map((name) => [name, {}]));
  const item = { type: 'object', properties };
  const schema = {
    type: 'object',
    properties: {
      message: { type: 'string', examples: [message] },
      data: isList ? { type: 'array', items: item } : item,
    },
  };
  return { description: message, content: { 'application/json': { schema } } };
}

function errorResponses({ needsToken }: RestRoute): object {
  const codes = needsToken
    ? (['VALIDATION_FAILED', 'UNAUTHENTICATED'] as const)
    : (['VALIDATION_FAILED', 'INVALID_CREDENTIALS'] as const);
  return Object.fromEntries(
    codes.map((code) => [
      statusOf(code),
      {
        description: sentenceOf(code),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

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

/** The directory of the files of Swagger UI. */
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

/** Serves `/openapi.json` and `/docs`. */
export function serveDocumentation(
  app: FastifyInstance,
  settings: Parameters<typeof openApiDocument>[0],
): void {
  const document = memoryFile(
    toJsonLine(openApiDocument(settings)),
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
