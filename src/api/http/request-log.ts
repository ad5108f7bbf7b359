/** The log line, the span and the metrics of each request, with their labels. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import { isProblemCode, type ProblemCode } from '../../core/errors.ts';
import type { ClientInfo, RequestContext } from '../../core/request-context.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { RequestSpan, Tracer } from '../../observability/tracer.ts';

/** Fields of routes that log more. */
const logFields = new WeakMap<FastifyRequest, object>();

/** Adds fields to the log line of the request. They must hold no secret. */
export function addLogFields(request: FastifyRequest, fields: object): void {
  logFields.set(request, fields);
}

/** Logs the route and not the URL, which may contain a code. */
export function logRequests(app: FastifyInstance): void {
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
        ...logFields.get(request),
      },
      'request completed',
    );
    done();
  });
}

/** Add it before all other hooks, so that they run in the span. */
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

/** The metric label of responses without an error code. */
const codesByStatus: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'THROTTLED',
  500: 'INTERNAL',
  503: 'OVERLOADED',
};

export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { operation, errorCode } = labelsOf(request.context);
    const { statusCode } = reply;
    const name = nameOf(request, statusCode, operation);
    const code = statusCode < 400 ? 'ok' : (codesByStatus[statusCode] ?? 'BAD_REQUEST');
    metrics.requests.inc({ operation: name, outcome: errorCode ?? code });
    metrics.requestSeconds.observe({ operation: name }, reply.elapsedTime / 1000);
    done();
  });
}

/** The GraphQL operation, or method and pattern of the route. */
function nameOf(request: FastifyRequest, status: number, operation: string | undefined): string {
  const { url, config } = request.routeOptions;
  if (config.format === 'graphql') return operation ?? 'none';
  return url === undefined || status === 405 ? 'none' : `${request.method} ${url}`;
}

export interface OperationLabels {
  /** A root field of the schema; `several` for more than one. */
  operation?: string;
  /** The code of the first error. */
  errorCode?: ProblemCode | 'BAD_REQUEST';
}

const labels = Symbol('labels');

/** The labels belong to the client of the context, because Apollo gives resolvers a copy of the context. */
interface LabelledClient extends ClientInfo {
  [labels]?: OperationLabels;
}

export function setOperation(context: RequestContext, operation: string): void {
  mutableLabelsOf(context).operation = operation;
}

export function setErrorCode(
  context: RequestContext,
  code: NonNullable<OperationLabels['errorCode']>,
): void {
  mutableLabelsOf(context).errorCode ??= code;
}

/** Sets the error code of an error as the client sees it. */
export function setErrorCodeOf(
  context: RequestContext,
  error: GraphQLFormattedError | undefined,
): void {
  if (!error) return;
  const code = error.extensions?.code;
  setErrorCode(context, isProblemCode(code) ? code : 'BAD_REQUEST');
}

function labelsOf(context: RequestContext | null): OperationLabels {
  return (context?.client as LabelledClient | undefined)?.[labels] ?? {};
}

function mutableLabelsOf(context: RequestContext): OperationLabels {
  const client: LabelledClient = context.client;
  client[labels] ??= {};
  return client[labels];
}
