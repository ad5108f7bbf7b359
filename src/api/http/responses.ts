/** Error responses in the format of the route (GraphQL, REST or OAuth), and their messages by status. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem, type ProblemCode, sentenceOf, statusOf } from '../../core/errors.ts';
import { isDatabaseUnavailable } from '../../database/connection-errors.ts';
import { OAuthError, toOAuthError } from '../../features/oauth/oauth-errors.ts';
import { graphqlContentType } from './content-negotiation.ts';
import { httpLimits } from './limits.ts';

const messages: Readonly<Record<number, string>> = {
  400: 'The request is malformed. Send valid JSON or form data.',
  404: 'Not found.',
  406: 'The response is JSON, which the Accept header does not allow.',
  408: 'The request was not received in time.',
  413: `The request body is too large. The limit is ${httpLimits.bodyBytes} bytes.`,
  414: 'The URL is too long.',
  415: 'Unsupported content type. Send application/json or form data, in UTF-8 and without compression.',
  431: `The request headers are too large. The limit is ${httpLimits.headerBytes} bytes.`,
  501: 'This method is not supported.',
};

function messageOfStatus(status: number): string {
  return messages[status] ?? 'Bad request.';
}

/** Rejects a request with an HTTP status. The message is public and repeats nothing of the request. */
export class HttpError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message = messageOfStatus(statusCode)) {
    super(message);
    this.name = 'HttpError';
    this.statusCode = statusCode;
  }
}

export interface ResponseBody {
  readonly message: string;
  readonly data: object;
}

/** JSON with a final line break, for terminals. */
export function toJsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** The URL of GraphQL, and the prefix of OAuth. All other routes respond in the format of REST. */
export const graphqlPath = '/graphql';
export const oauthPrefix = '/oauth';

function isGraphql(reply: FastifyReply): boolean {
  return reply.request.routeOptions.url === graphqlPath;
}

function isOAuth(reply: FastifyReply): boolean {
  return reply.request.routeOptions.url?.startsWith(`${oauthPrefix}/`) === true;
}

/** Answers the request with a problem, in the format of the route. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  overrides: { readonly status?: number | undefined; readonly message?: string } = {},
): FastifyReply {
  if (isOAuth(reply)) return sendOAuthError(reply, toOAuthError(problem));
  const status = overrides.status ?? statusOf(problem.code);
  reply.code(status);
  // Every 401 needs a challenge (RFC 9110 §15.5.2).
  if (status === 401) reply.header('www-authenticate', challengeFor(reply, problem));
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  const { code, fields, retryAfterSeconds: retryAfter } = problem;
  const message = overrides.message ?? problem.message;
  return isGraphql(reply)
    ? sendGraphqlError(reply, message, retryAfter === undefined ? { code } : { code, retryAfter })
    : reply.send({ message, data: { code, fields } } satisfies ResponseBody);
}

/** The challenge for a bearer token that is not valid (RFC 6750 §3.1). */
export const invalidTokenChallenge = 'Bearer error="invalid_token"';

/** Only a request with an invalid token gets the error code (RFC 6750 §3.1), not one without a token. */
function challengeFor(reply: FastifyReply, { code }: Problem): string {
  const hasToken = /^bearer\b/i.test(reply.request.headers.authorization ?? '');
  return code === 'UNAUTHENTICATED' && hasToken ? invalidTokenChallenge : 'Bearer';
}

/** Answers with an error of OAuth (RFC 6749 §5.2). */
export function sendOAuthError(reply: FastifyReply, error: OAuthError): FastifyReply {
  const challenge = error.status === 401 ? oauthChallengeFor(reply.request) : undefined;
  if (challenge !== undefined) reply.header('www-authenticate', challenge);
  if (error.status === 403) reply.header('www-authenticate', 'Bearer error="insufficient_scope"');
  if (error.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(error.retryAfterSeconds));
  }
  return reply
    .code(error.status)
    .header('pragma', 'no-cache')
    .send({ error: error.code, error_description: error.message });
}

/**
 * The challenge names the scheme of the request, and Basic for a request without credentials. Credentials in the body
 * get none (RFC 6749 §5.2): client libraries report a challenge in place of the error.
 */
function oauthChallengeFor({ headers, body }: FastifyRequest): string | undefined {
  if (/^bearer\b/i.test(headers.authorization ?? '')) return invalidTokenChallenge;
  const parameters = typeof body === 'object' && body !== null ? body : {};
  const isInBody = 'client_id' in parameters && parameters.client_id !== '';
  return isInBody && headers.authorization === undefined ? undefined : 'Basic realm="gatehouse"';
}

/** Answers with an HTTP error, in the format of the route. */
export function sendHttpError(
  reply: FastifyReply,
  status: number,
  message = messageOfStatus(status),
): FastifyReply {
  if (isOAuth(reply)) {
    return sendOAuthError(reply, new OAuthError('invalid_request', message, { status }));
  }
  reply.code(status);
  return isGraphql(reply)
    ? sendGraphqlError(reply, message, { code: status === 403 ? 'FORBIDDEN' : 'BAD_REQUEST' })
    : reply.send(httpErrorBody(status, message));
}

/** Answers an unexpected error: a constant message and the request id, to find the error in the log. */
export function sendInternalError(reply: FastifyReply): FastifyReply {
  if (isOAuth(reply)) return sendOAuthError(reply, toOAuthError(new Problem('INTERNAL')));
  const requestId = reply.request.id;
  const message = sentenceOf('INTERNAL');
  reply.code(statusOf('INTERNAL'));
  return isGraphql(reply)
    ? sendGraphqlError(reply, message, { code: 'INTERNAL', requestId })
    : reply.send({
        message,
        data: { code: 'INTERNAL', fields: [], request_id: requestId },
      } satisfies ResponseBody);
}

/** A client that accepts none of the types receives JSON with the reason. */
function sendGraphqlError(reply: FastifyReply, message: string, extensions: object): FastifyReply {
  const type = graphqlContentType(reply.request.headers.accept);
  return reply
    .type(type ?? 'application/json; charset=utf-8')
    .send(toJsonLine({ errors: [{ message, extensions }] }));
}

/** The REST body of an HTTP error. */
export function httpErrorBody(status: number, message = messageOfStatus(status)): ResponseBody {
  const codes: Readonly<Record<number, ProblemCode>> = { 403: 'FORBIDDEN', 404: 'NOT_FOUND' };
  return { message, data: { code: codes[status] ?? 'VALIDATION_FAILED', fields: [] } };
}

/** The problem of an error; OVERLOADED for a lost database; undefined for unexpected errors. */
export function toProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  return isDatabaseUnavailable(error)
    ? new Problem('OVERLOADED', { retryAfterSeconds: 1 })
    : undefined;
}
