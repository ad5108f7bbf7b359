/** Which bodies are read and how: JSON and forms, in UTF-8, uncompressed, of a bounded size. */
import { parse as parseQuery } from 'node:querystring';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { graphqlPath } from './envelope.ts';
import { endGentlyAfterAnswer } from './gentle-end.ts';
import type { HttpLimits } from './http-limits.ts';
import { HttpRefusal } from './http-refusal.ts';
import { parseJsonBody } from './json-body.ts';

const jsonType = 'application/json';

export async function readBodies(app: FastifyInstance, limits: HttpLimits): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    jsonType,
    { parseAs: 'buffer' },
    (_request: FastifyRequest, bytes: Buffer, done) => {
      try {
        done(null, parseJsonBody(bytes, limits.jsonDepth));
      } catch (error) {
        done(error as HttpRefusal); // all that it throws
      }
    },
  );
  await app.register(formbody, { bodyLimit: limits.bodyBytes, parser: parseForm });
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (hasBody(request)) requireReadable(request, reply, limits.bodyBytes);
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    // What is still on its way would otherwise be read to its end, however large.
    if (hasBody(request) && !request.raw.complete) {
      reply.header('connection', 'close');
      endGentlyAfterAnswer(request.raw.socket);
    }
    done();
  });
}

function hasBody({ headers }: FastifyRequest): boolean {
  return Number(headers['content-length']) > 0 || headers['transfer-encoding'] !== undefined;
}

/** @throws HttpRefusal 413, 415 before a byte of the body is read */
function requireReadable(request: FastifyRequest, reply: FastifyReply, bodyBytes: number): void {
  const { headers } = request;
  if (Number(headers['content-length']) > bodyBytes) throw new HttpRefusal(413);
  if (!isPlain(headers['transfer-encoding'], 'chunked')) {
    throw new HttpRefusal(501, 'This transfer coding is not known here.'); // RFC 9112 §6.1
  }
  if (!isPlain(headers['content-encoding'], 'identity')) {
    reply.header('accept-encoding', 'identity'); // says that it is the coding (RFC 9110 §15.5.16)
    throw new HttpRefusal(415);
  }
  const type = headers['content-type'] ?? '';
  if (!isUtf8Type(type)) throw new HttpRefusal(415);
  if (request.routeOptions.url === graphqlPath && !type.toLowerCase().startsWith(jsonType)) {
    throw new HttpRefusal(415);
  }
}

/** Whether a header is left out or says `only`. */
function isPlain(header: string | undefined, only: string): boolean {
  return header === undefined || header.trim().toLowerCase() === only;
}

function isUtf8Type(type: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);
}

/** A percent sign that people left as it is. */
const loosePercent = /%(?![0-9a-f]{2})/gi;

/**
 * A repeated name has a list of values, which only inputs that are lists accept.
 *
 * @throws HttpRefusal 400 for what is not UTF-8: replaced characters would make passwords alike
 */
function parseForm(text: string): Record<string, unknown> {
  let isUtf8 = !text.includes('\ufffd');
  const form = parseQuery(text, '&', '=', {
    maxKeys: 0,
    decodeURIComponent(part) {
      try {
        return decodeURIComponent(part.replace(loosePercent, '%25'));
      } catch {
        isUtf8 = false;
        return '';
      }
    },
  });
  if (!isUtf8) throw new HttpRefusal(400, 'The form is not UTF-8.');
  return form;
}
