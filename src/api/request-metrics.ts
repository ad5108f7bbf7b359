/** Counts and measures every answer by what was asked for, in words that no caller chooses. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../core/metrics.ts';
import { outcomeOf } from './outcomes.ts';

/** Refusals that have no code of their own on the way, by their status. */
const codesByStatus: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'THROTTLED',
  500: 'INTERNAL',
  503: 'OVERLOADED',
};

export function measureAnswers(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { operation, refusal } = outcomeOf(request.context);
    const { statusCode } = reply;
    const name = nameOf(request, statusCode, operation);
    const code = statusCode < 400 ? 'ok' : (codesByStatus[statusCode] ?? 'BAD_REQUEST');
    metrics.count('requests', [name, refusal ?? code]);
    metrics.observe('requestSeconds', reply.elapsedTime / 1000, name);
    done();
  });
}

/** The operation of GraphQL; elsewhere the route, as it is declared. */
function nameOf(request: FastifyRequest, status: number, operation: string | undefined): string {
  const { url, config } = request.routeOptions;
  if (config.speaks === 'graphql') return operation ?? 'none';
  return url === undefined || status === 405 ? 'none' : `${request.method} ${url}`;
}
