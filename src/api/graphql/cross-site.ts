/**
 * Refuses requests that a page of another site can send without the consent of the service (CSRF). A browser asks
 * the service before a request with any other header or content type: a preflight of the Fetch standard.
 */
import type { FastifyRequest } from 'fastify';
import { mediaTypeOf } from '../http/content-negotiation.ts';
import { HttpError } from '../http/responses.ts';

/** The content types that a browser sends without a preflight. */
const simpleTypes: ReadonlySet<string> = new Set([
  '', // without the header
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
]);

/** Headers that a client sends for this purpose, or with every request. */
const customHeaders = ['apollo-require-preflight', 'x-apollo-operation-name'] as const;

const message =
  'The request could be a cross-site request forgery (CSRF). Send the header Apollo-Require-Preflight, a bearer ' +
  'token, or a POST with the content type application/json.';

/** @throws HttpError 400 */
export function assertPreflighted({ method, body, headers }: FastifyRequest): void {
  if (method === 'POST' && body === undefined) return; // the endpoint reports the missing body
  const { 'content-type': type = '', authorization = '' } = headers;
  if (!simpleTypes.has(mediaTypeOf(type)) || isBearer(authorization)) return;
  if (customHeaders.some((name) => headers[name])) return;
  throw new HttpError(400, message);
}

/** Browsers add other schemes, such as Basic, to the requests of any site. A bearer token comes from a script. */
function isBearer(authorization: string): boolean {
  return /^bearer(?: |$)/i.test(authorization);
}
