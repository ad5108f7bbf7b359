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

export function problemEnvelope(problem: Problem): Envelope {
  return { message: problem.message, data: { code: problem.code, fields: problem.fields } };
}

/** Status and headers that belong to a refusal, whatever its body. */
export function prepareRefusal(reply: FastifyReply, problem: Problem, status?: number): void {
  reply.code(status ?? statusOf(problem.code)).header('cache-control', 'no-store');
  if (problem.code === 'UNAUTHENTICATED') {
    const hasToken = reply.request.headers.authorization !== undefined;
    reply.header('www-authenticate', hasToken ? 'Bearer error="invalid_token"' : 'Bearer');
  }
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
}

/** Refuses the whole request, in the shape that the route's callers read. */
export function sendRefusal(reply: FastifyReply, problem: Problem, status?: number): FastifyReply {
  prepareRefusal(reply, problem, status);
  if (reply.request.routeOptions.config.speaks !== 'graphql') {
    return reply.send(problemEnvelope(problem));
  }
  const { message, code } = problem;
  return reply
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}

/** The body of an answer to something that HTTP itself refuses: malformed, too large, no such path. */
export function httpRefusal(status: number, message: string): Envelope {
  const code = status === 404 ? 'NOT_FOUND' : status >= 500 ? 'INTERNAL' : 'VALIDATION_FAILED';
  return { message, data: { code, fields: [] } };
}

export function internalEnvelope(requestId: string): Envelope {
  return { message: sentenceOf('INTERNAL'), data: { code: 'INTERNAL', fields: [], requestId } };
}
