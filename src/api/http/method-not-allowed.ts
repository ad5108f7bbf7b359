/**
 * Addresses and methods that nobody serves, refused before anything of the request is read. Fastify
 * answers 404 to a wrong method; RFC 9110 §15.5.6 wants 405 with what is allowed.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { sendHttpError } from './responses.ts';

const methods: readonly HTTPMethods[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
];

/** Notes each of our routes' methods as it is added. */
export function collectMethods(app: FastifyInstance): ReadonlyMap<string, readonly string[]> {
  const methodsByUrl = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methodsByUrl.get(url) ?? [];
    methodsByUrl.set(url, [...new Set([...known, method].flat())]);
  });
  return methodsByUrl;
}

/** Answers what leads nowhere; to be added before who is asking matters. */
export function rejectUnknownRoute(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const isKnown = methods.some((method) => method === request.method);
    sendHttpError(reply, isKnown ? 404 : 501);
  });
}

/** Adds a route for every method that a known address does not have. */
export function answerMethodNotAllowed(
  app: FastifyInstance,
  methodsByUrl: ReadonlyMap<string, readonly string[]>,
): void {
  for (const [url, known] of [...methodsByUrl]) {
    const others = methods.filter((method) => !known.includes(method));
    if (others.length === 0 || url === '*') continue;
    const allowed = known.includes('OPTIONS') ? known : [...known, 'OPTIONS'];
    const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.header('allow', allowed.join(', '));
      if (request.method === 'OPTIONS') return reply.code(204).send();
      return sendHttpError(reply, 405, `Use ${known.join(' or ')} here.`);
    };
    app.route({ method: others, url, onRequest: refuse, handler: refuse });
  }
}
