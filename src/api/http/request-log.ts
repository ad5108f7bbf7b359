/** The request's id in its answer, and one line per answer in the log. */

import { randomFillSync } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import { v7 as uuidv7 } from 'uuid';
import { isProblemCode, type ProblemCode } from '../../core/errors.ts';
import type { ClientInfo, RequestContext } from '../../core/request-context.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { RequestSpan, Tracer } from '../../observability/tracer.ts';

/** Names the route, never the address asked for, which may hold a code. */
export function logAnswers(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ip: request.ip,
      },
      'request completed',
    );
    done();
  });
}

const bytesEach = 16;
const pool = new Uint8Array(bytesEach * 256);
let used = pool.length;

/** Unique, and no secret. */
export function nextRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + bytesEach);
  used += bytesEach;
  return uuidv7({ random });
}

/** To be added before all other hooks, which then belong to the span. */
export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  app.addHook('onRequest', (request, _reply, done) => {
    const span = tracer.request(request.headers);
    spans.set(request, span);
    span.enter(done);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, id } = request;
    const route = routeOptions.url ?? 'none';
    const span = spans.get(request);
    span?.end(`${method} ${route}`, {
      'http.request.method': method,
      'http.route': route,
      'gatehouse.request.id': id,
      status: reply.statusCode,
    });
    if (span) span.enter(done);
    else done();
  });
}

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
    const { operation, refusal } = labelsOf(request.context);
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

export interface OperationLabels {
  /** Which field of the schema; `several` when there is more than one. */
  operation?: string;
  /** The first refusal. */
  refusal?: ProblemCode | 'BAD_REQUEST';
}

const outcome = Symbol('outcome');

/** Noted at the client of the context: Apollo hands a copy of the context itself to the resolvers. */
interface Noting extends ClientInfo {
  [outcome]?: OperationLabels;
}

export function setOperation(context: RequestContext, operation: string): void {
  noted(context).operation = operation;
}

export function setErrorCode(
  context: RequestContext,
  code: NonNullable<OperationLabels['refusal']>,
): void {
  noted(context).refusal ??= code;
}

/** The same for the first of an answer's errors, as its caller sees it. */
export function setErrorCodeOf(
  context: RequestContext,
  error: GraphQLFormattedError | undefined,
): void {
  if (!error) return;
  const code = error.extensions?.code;
  setErrorCode(context, isProblemCode(code) ? code : 'BAD_REQUEST');
}

function labelsOf(context: RequestContext | null): OperationLabels {
  return (context?.client as Noting | undefined)?.[outcome] ?? {};
}

function noted(context: RequestContext): OperationLabels {
  const client: Noting = context.client;
  client[outcome] ??= {};
  return client[outcome];
}
