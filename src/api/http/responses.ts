/** What HTTP itself refuses, before anybody's operation is looked at, and the sentences for it. */

import type { FastifyReply } from 'fastify';
import { Problem, sentenceOf, statusOf } from '../../core/errors.ts';
import { isDatabaseUnavailable } from '../../database/connection-errors.ts';
import { httpLimits } from './limits.ts';

const sentences: Readonly<Record<number, string>> = {
  400: 'The request is malformed; send well-formed JSON or a form.',
  404: 'Not found.',
  406: 'Answers are JSON, which the Accept header leaves out.',
  408: 'The request took too long to arrive.',
  413: `The body is too large; send at most ${httpLimits.bodyBytes} bytes.`,
  414: 'The address is too long.',
  415: 'This content type is not read here; send application/json or a form, in UTF-8 and uncompressed.',
  431: `The headers are too large; send at most ${httpLimits.headerBytes} bytes.`,
  501: 'This method is not known here.',
};

function sentenceOfStatus(status: number): string {
  return sentences[status] ?? 'The request cannot be read.';
}

/** Thrown where a request is refused by HTTP; the message is public and quotes nothing. */
export class HttpError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message = sentenceOfStatus(statusCode)) {
    super(message);
    this.name = 'HttpRefusal';
    this.statusCode = statusCode;
  }
}

export interface ResponseBody {
  readonly message: string;
  readonly data: object;
}

/** JSON as a line, so that a terminal's prompt does not follow it. */
export function toJsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Where GraphQL is served; everything else speaks REST. */
export const graphqlPath = '/graphql';

function speaksGraphql(reply: FastifyReply): boolean {
  return reply.request.routeOptions.url === graphqlPath;
}

/** Refuses the whole request, in the shape that the route's callers read. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  instead: { readonly status?: number | undefined; readonly message?: string } = {},
): FastifyReply {
  const status = instead.status ?? statusOf(problem.code);
  reply.code(status);
  // RFC 9110 §15.5.2: every 401 says how to do better.
  if (status === 401) reply.header('www-authenticate', challengeFor(reply, problem));
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  const { code, fields, retryAfterSeconds: retryAfter } = problem;
  const message = instead.message ?? problem.message;
  return speaksGraphql(reply)
    ? sendGraphqlError(reply, message, retryAfter === undefined ? { code } : { code, retryAfter })
    : reply.send({ message, data: { code, fields } } satisfies ResponseBody);
}

/** The challenge for a bearer token that is not valid (RFC 6750 §3.1). */
export const invalidTokenChallenge = 'Bearer error="invalid_token"';

/** A token that was sent and is not good has its own error (RFC 6750 §3.1); a password has not. */
function challengeFor(reply: FastifyReply, { code }: Problem): string {
  const hasToken = /^bearer\b/i.test(reply.request.headers.authorization ?? '');
  return code === 'UNAUTHENTICATED' && hasToken ? invalidTokenChallenge : 'Bearer';
}

/** Refuses what HTTP itself does not take, in the shape that the route's callers read. */
export function sendHttpError(
  reply: FastifyReply,
  status: number,
  message = sentenceOfStatus(status),
): FastifyReply {
  reply.code(status);
  return speaksGraphql(reply)
    ? sendGraphqlError(reply, message, { code: 'BAD_REQUEST' })
    : reply.send(httpErrorBody(status, message));
}

/** Answers a mistake of ours: a constant sentence and the id to find it by in the log. */
export function sendInternal(reply: FastifyReply): FastifyReply {
  const requestId = reply.request.id;
  reply.code(statusOf('INTERNAL'));
  return speaksGraphql(reply)
    ? sendGraphqlError(reply, sentenceOf('INTERNAL'), { code: 'INTERNAL', requestId })
    : reply.send(internalEnvelope(requestId));
}

function sendGraphqlError(reply: FastifyReply, message: string, extensions: object): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .send(toJsonLine({ errors: [{ message, extensions }] }));
}

/** The body of an answer to something that HTTP itself refuses: malformed, too large, no such path. */
export function httpErrorBody(status: number, message = sentenceOfStatus(status)): ResponseBody {
  return {
    message,
    data: { code: status === 404 ? 'NOT_FOUND' : 'VALIDATION_FAILED', fields: [] },
  };
}

function internalEnvelope(requestId: string): ResponseBody {
  return {
    message: sentenceOf('INTERNAL'),
    data: { code: 'INTERNAL', fields: [], request_id: requestId },
  };
}

/** The refusal, where it is one or where waiting helps; nothing for mistakes of ours. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  return isDatabaseUnavailable(error)
    ? new Problem('OVERLOADED', { retryAfterSeconds: 1 })
    : undefined;
}

/** The most specific range that covers JSON decides; without the header everything is welcome. */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const weights = new Map(accept.split(',').map(readRange));
  const weight =
    weights.get('application/json') ?? weights.get('application/*') ?? weights.get('*/*') ?? 0;
  return weight > 0;
}

function readRange(text: string): readonly [range: string, weight: number] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return [range, q === undefined ? 1 : Number(q) || 0];
}
