/** One shape for whatever goes wrong on the way to a handler or inside one. Quotes nothing. */
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { bareHeaders } from './client-errors.ts';
import { HttpError, problemOf, sendHttpError, sendInternal, sendProblem } from './responses.ts';

export function handleErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) => sendHttpError(reply, 404));
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => {
    const problem = problemOf(error);
    if (problem) return sendProblem(reply, problem);
    if (error instanceof HttpError) {
      return sendHttpError(reply, error.statusCode, error.message);
    }
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status >= 400 && status < 500) return sendHttpError(reply, status);
    if (error.name !== 'AbortError') request.log.error({ err: error }, 'unexpected error');
    return sendInternal(reply);
  });
}

/** Answers an address that the router cannot read. No hook runs for these. */
export function sendUnroutable(error: FastifyError, reply: FastifyReply): void {
  reply.headers({ ...bareHeaders, 'x-request-id': reply.request.id });
  sendHttpError(reply, error.statusCode ?? 400);
}
