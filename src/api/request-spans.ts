/** A span around every request, named by its route; the address asked for may hold a code. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RequestSpan, Tracer } from '../core/tracing.ts';

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
