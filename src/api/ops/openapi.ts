/** Serves the OpenAPI document, which the first request creates. */
import type { FastifyInstance } from 'fastify';
import { toJsonLine } from '../http/responses.ts';
import { type MemoryFile, memoryFile, sendFile } from '../pages/assets/assets.ts';
import { type DocumentSettings, openApiDocument } from '../rest/openapi/document.ts';

export const openApiPath = '/openapi.json';

export function serveOpenApi(app: FastifyInstance, settings: DocumentSettings): void {
  let file: MemoryFile | undefined;
  app.get(openApiPath, (request, reply) => {
    file ??= memoryFile(toJsonLine(openApiDocument(settings)), 'application/json; charset=utf-8');
    return sendFile(request, reply, file);
  });
}
