/** One shape for whatever goes wrong on the way to a handler or inside one. Quotes nothing. */
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { sentenceOf, statusOf } from '../core/errors.ts';
import { sendHttpRefusal, sendInternal, sendRefusal } from './envelope.ts';
import { httpLimits } from './http-limits.ts';
import { problemOf } from './problem-of.ts';

export function handleErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) =>
    sendHttpRefusal(reply, statusOf('NOT_FOUND'), sentenceOf('NOT_FOUND')),
  );
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => {
    const problem = problemOf(error);
    if (problem) return sendRefusal(reply, problem);
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status >= 400 && status < 500) {
      return sendHttpRefusal(reply, status, sentenceOfStatus(status));
    }
    if (error.name !== 'AbortError') request.log.error({ err: error }, 'unexpected error');
    return sendInternal(reply);
  });
}

/** Answers an address that the router cannot read. */
export function sendUnroutable(error: FastifyError, reply: FastifyReply): void {
  const status = error.statusCode ?? 400;
  // No hook runs for these, so no other header is set.
  reply.header('x-content-type-options', 'nosniff');
  sendHttpRefusal(reply, status, sentenceOfStatus(status));
}

function sentenceOfStatus(status: number): string {
  const sentences: Readonly<Record<number, string>> = {
    400: 'The request is malformed; send well-formed JSON or a form.',
    408: 'The request took too long to arrive.',
    413: `The body is too large; send at most ${httpLimits.bodyBytes} bytes.`,
    414: 'The address is too long.',
    415: 'This content type is not read here; send application/json or a form.',
  };
  return sentences[status] ?? 'The request cannot be read.';
}
