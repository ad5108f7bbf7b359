/** The description of the REST interface, for programs and for people. */
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './rest/openapi.ts';

export type Description = ReturnType<typeof openApiDocument>;

export function serveDescription(
  app: FastifyInstance,
  parts: Parameters<typeof openApiDocument>[0],
): Description {
  const document = openApiDocument(parts);
  app.get('/openapi.json', (_request, reply) => reply.send(document));
  return document;
}

export async function serveDocumentation(
  app: FastifyInstance,
  document: Description,
): Promise<void> {
  // The plugin's types end at OpenAPI 3.0; it hands a static document on as it is.
  const specification = { document } as unknown as StaticDocumentSpec;
  await app.register(swagger, { mode: 'static', specification });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
}
