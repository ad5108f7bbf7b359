/** Fastify on our HTTP server: ids, proxies, addresses; no routes yet. */
import type { RequestListener } from 'node:http';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import { forwardedAddresses } from '../core/network.ts';
import { sendUnroutable } from './http-errors.ts';
import type { HttpLimits } from './http-limits.ts';
import { createHttpServer } from './http-server.ts';
import { nextRequestId } from './request-id.ts';

export interface ListenerParts {
  readonly config: Pick<Config, 'trustedProxyHops' | 'maxConnections'>;
  readonly log: Log;
  readonly limits: HttpLimits;
}

export function createListener({ config, log, limits }: ListenerParts): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
  const { maxConnections } = config;
  return fastify({
    loggerInstance,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: nextRequestId,
    trustProxy: (_address, hop) => hop < config.trustedProxyHops,
    bodyLimit: limits.bodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1000 },
    forceCloseConnections: 'idle',
    // Requests that arrive while we close are still answered; ours is not a shape that Fastify knows.
    return503OnClosing: false,
    serverFactory: (handler) =>
      createHttpServer(withForwardedAddresses(handler), { limits, maxConnections, log }),
    // The server has its own.
    clientErrorHandler: () => undefined,
    frameworkErrors: (error, _request, reply) => sendUnroutable(error, reply),
  });
}

/** No text that a caller chooses becomes an address: Fastify takes entries of the header as they are. */
function withForwardedAddresses(handler: RequestListener): RequestListener {
  return (request, response) => {
    const header = request.headers['x-forwarded-for'];
    // An empty header still says that there is a proxy.
    if (header !== undefined)
      request.headers['x-forwarded-for'] = forwardedAddresses(String(header));
    handler(request, response);
  };
}
