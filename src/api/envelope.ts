/**
 * The one shape of every answer outside GraphQL: `{"message", "data"}`, and how a refusal looks in
 * it and in GraphQL. Nothing unexpected is ever quoted.
 */
import type { FastifyReply } from 'fastify';
import { type Problem, sentenceOf, statusOf } from '../core/errors.ts';

export interface Envelope {
  readonly message: string;
  readonly data: object;
}

/** Status and headers that belong to a refusal, whatever its body. */
function prepareRefusal(reply: FastifyReply, problem: Problem, status?: number): void {
  reply.code(status ?? statusOf(problem.code)).header('cache-control', 'no-store');
  if (problem.code === 'UNAUTHENTICATED') {
    const hasToken = /^bearer\b/i.test(reply.request.headers.authorization ?? '');
    reply.header('www-authenticate', hasToken ? 'Bearer error="invalid_token"' : 'Bearer');
  }
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
}

/** Refuses the whole request, in the shape that the route's callers read. */
export function sendRefusal(
  reply: FastifyReply,
  problem: Problem,
  instead: { readonly status?: number | undefined; readonly message?: string } = {},
): FastifyReply {
  prepareRefusal(reply, problem, instead.status);
  const { code, fields } = problem;
  const message = instead.message ?? problem.message;
  return reply.request.routeOptions.config.speaks === 'graphql'
    ? sendGraphqlError(reply, message, { code })
    : reply.send({ message, data: { code, fields } } satisfies Envelope);
}

/** Refuses what HTTP itself does not take, in the shape that the route's callers read. */
export function sendHttpRefusal(
  reply: FastifyReply,
  status: number,
  message: string,
): FastifyReply {
  reply.code(status);
  return reply.request.routeOptions.config.speaks === 'graphql'
    ? sendGraphqlError(reply, message, { code: 'BAD_REQUEST' })
    : reply.send(httpRefusal(status, message));
}

/** Answers a mistake of ours: a constant sentence and the id to find it by in the log. */
export function sendInternal(reply: FastifyReply): FastifyReply {
  const { id: requestId, routeOptions } = reply.request;
  reply.code(statusOf('INTERNAL')).header('cache-control', 'no-store');
  return routeOptions.config.speaks === 'graphql'
    ? sendGraphqlError(reply, sentenceOf('INTERNAL'), { code: 'INTERNAL', requestId })
    : reply.send(internalEnvelope(requestId));
}

function sendGraphqlError(reply: FastifyReply, message: string, extensions: object): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ errors: [{ message, extensions }] }));
}

/** The body of an answer to something that HTTP itself refuses: malformed, too large, no such path. */
export function httpRefusal(status: number, message: string): Envelope {
  const code = status === 404 ? 'NOT_FOUND' : status >= 500 ? 'INTERNAL' : 'VALIDATION_FAILED';
  return { message, data: { code, fields: [] } };
}

function internalEnvelope(requestId: string): Envelope {
  return {
    message: sentenceOf('INTERNAL'),
    data: { code: 'INTERNAL', fields: [], request_id: requestId },
  };
}
