/** Fastify answers 404 to a wrong method; RFC 9110 §15.5.6 wants 405 with what is allowed. */
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { httpRefusal } from './envelope.ts';

/** Notes each of our routes' methods as it is added. */
export function collectMethods(app: FastifyInstance): Map<string, string[]> {
  const methodsByUrl = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methodsByUrl.get(url) ?? [];
    methodsByUrl.set(url, [...new Set([...known, method].flat())]);
  });
  return methodsByUrl;
}

/** Adds a route for every method that a known address does not have. */
export function refuseOtherMethods(
  app: FastifyInstance,
  methodsByUrl: ReadonlyMap<string, readonly string[]>,
): void {
  const all: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  for (const [url, methods] of [...methodsByUrl]) {
    const others = all.filter((method) => !methods.includes(method));
    if (others.length === 0 || url === '*') continue;
    app.route({
      method: others,
      url,
      handler: (_request, reply) =>
        reply
          .code(405)
          .header('allow', methods.join(', '))
          .send(httpRefusal(405, `Use ${methods.join(' or ')} here.`)),
    });
  }
}
