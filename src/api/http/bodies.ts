/**
 * Parses request bodies: JSON and form data, in UTF-8, uncompressed and of limited size. A request with an
 * empty body of any type has no body.
 */

import { isUtf8 } from 'node:buffer';
import { parse as parseQuery } from 'node:querystring';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { JsonFault, parseStrictJson } from '../../core/json.ts';
import { lingeringCloseAfterResponse } from './client-errors.ts';
import { mediaTypeOf } from './content-negotiation.ts';
import type { HttpLimits } from './limits.ts';
import { graphqlPath, HttpError } from './responses.ts';

const jsonType = 'application/json';
const formType = 'application/x-www-form-urlencoded';
const multipartType = 'multipart/form-data';
const bodyTypes: readonly string[] = [jsonType, formType, multipartType];

export function parseBodies(app: FastifyInstance, limits: HttpLimits): void {
  const options = { parseAs: 'buffer', bodyLimit: limits.bodyBytes } as const;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    [jsonType, formType, multipartType, '*'],
    options,
    async (request: FastifyRequest, bytes: Buffer) =>
      bytes.length === 0 ? undefined : parseBody(bytes, request, limits),
  );
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (hasBody(request)) assertReadable(request, reply, limits.bodyBytes);
    // Some clients send a content type without a body. With GET it is a sign of a preflight.
    else if (request.method !== 'GET') delete request.headers['content-type'];
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    // Otherwise Node would read the rest of the body, however large.
    if (hasBody(request) && !request.raw.complete) {
      reply.header('connection', 'close');
      lingeringCloseAfterResponse(request.raw.socket);
    }
    done();
  });
}

function parseBody(bytes: Buffer, { headers }: FastifyRequest, limits: HttpLimits): unknown {
  const type = headers['content-type'] ?? '';
  switch (mediaTypeOf(type)) {
    case jsonType:
      return parseJsonBody(bytes, limits.jsonDepth);
    case formType:
      return parseForm(bytes);
    case multipartType:
      return parseMultipart(bytes, type);
    default:
      throw new HttpError(415);
  }
}

/** Whether the body of a request is a form. */
export function isForm({ headers }: FastifyRequest): boolean {
  return [formType, multipartType].includes(mediaTypeOf(headers['content-type'] ?? ''));
}

function hasBody({ headers }: FastifyRequest): boolean {
  return Number(headers['content-length']) > 0 || headers['transfer-encoding'] !== undefined;
}

/** @throws HttpError 413, 415 or 501, before a byte of the body is read */
function assertReadable(request: FastifyRequest, reply: FastifyReply, bodyBytes: number): void {
  const { headers } = request;
  if (Number(headers['content-length']) > bodyBytes) throw new HttpError(413);
  if (!isAbsentOr(headers['transfer-encoding'], 'chunked')) {
    throw new HttpError(501, 'This transfer coding is not supported.'); // RFC 9112 §6.1
  }
  if (!isAbsentOr(headers['content-encoding'], 'identity')) {
    reply.header('accept-encoding', 'identity'); // names the supported coding (RFC 9110 §15.5.16)
    throw new HttpError(415);
  }
  const type = headers['content-type'] ?? '';
  if (!isUtf8Type(type)) throw new HttpError(415);
  const accepted = request.routeOptions.url === graphqlPath ? [jsonType] : bodyTypes;
  // A chunked body may be empty.
  const mayBeEmpty = headers['transfer-encoding'] !== undefined;
  if (!accepted.includes(mediaTypeOf(type)) && !mayBeEmpty) throw new HttpError(415);
}

function isAbsentOr(header: string | undefined, value: string): boolean {
  return header === undefined || header.trim().toLowerCase() === value;
}

function isUtf8Type(type: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);
}

/** A percent sign that the client did not encode. */
const barePercent = /%(?![0-9a-f]{2})/gi;

/**
 * A repeated name has a list of values, which only list parameters accept.
 *
 * @throws HttpError 400 without valid UTF-8: replacement characters would make passwords equal
 */
function parseForm(bytes: Buffer): Record<string, unknown> {
  let isValid = isUtf8(bytes);
  const form = parseQuery(bytes.toString(), '&', '=', {
    maxKeys: 0,
    decodeURIComponent(part) {
      try {
        return decodeURIComponent(part.replace(barePercent, '%25'));
      } catch {
        isValid = false;
        return '';
      }
    },
  });
  if (!isValid) throw new HttpError(400, 'The form data is not valid UTF-8.');
  return form;
}

/**
 * Parses `multipart/form-data`, the encoding of `FormData`, to the same object as `parseForm`.
 *
 * @throws HttpError 400 without valid UTF-8 or for malformed data, 415 for a file
 */
async function parseMultipart(
  bytes: Buffer,
  contentType: string,
): Promise<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw new HttpError(400, 'The form data is not valid UTF-8.');
  const parsed = new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  const fields = await parsed.catch(() => {
    throw new HttpError(400, 'The form data is malformed.');
  });
  const form = new Map<string, string | string[]>();
  for (const [name, value] of fields) {
    if (typeof value !== 'string') throw new HttpError(415, 'File uploads are not supported.');
    const before = form.get(name);
    form.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(form);
}

/** Parses JSON strictly. @throws HttpError 400 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw new HttpError(400, 'The request body is not valid UTF-8.');
  try {
    return parseStrictJson(bytes.toString('utf8'), maxDepth);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new HttpError(400, error.reason && `The request body ${error.reason}.`);
  }
}
