/** Creates the HTTP server with limits for slow, large and numerous requests. */
import { randomUUIDv7 } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../../config/config.ts';
import { forwardedAddresses } from '../../core/network.ts';
import type { Log } from '../../observability/log.ts';
import { endWithClientError, sendClientError } from './client-errors.ts';
import { handleRequests } from './connections.ts';
import { type SendErrorPage, sendUnroutable } from './error-handler.ts';
import type { HttpLimits } from './limits.ts';

export interface ListenerDeps {
  readonly config: Pick<Config, 'trustedProxyHops' | 'maxConnections'>;
  readonly log: Log;
  readonly limits: HttpLimits;
  readonly sendErrorPage: SendErrorPage;
}

export function createListener(deps: ListenerDeps): FastifyInstance {
  const { config, log, limits, sendErrorPage } = deps;
  const loggerInstance: FastifyBaseLogger = log;
  const { trustedProxyHops } = config;
  const app = fastify({
    loggerInstance,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: () => randomUUIDv7(),
    trustProxy: trustedProxyHops > 0 && ((_address, hop) => hop < trustedProxyHops),
    bodyLimit: limits.bodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1000 },
    forceCloseConnections: 'idle',
    // Requests during the shutdown are still answered, and the 503 of Fastify has another format.
    return503OnClosing: false,
    // For the host `localhost` Fastify would create a second server, which has no such limits.
    serverFactory: (handler) => createHttpServer(handler, limits, config.maxConnections),
    clientErrorHandler: (error, socket) => sendClientError(error, socket, log),
    frameworkErrors: (error, _request, reply) => sendUnroutable(error, reply, sendErrorPage),
  });
  if (trustedProxyHops > 0) checkForwardedAddresses(app);
  return app;
}

function createHttpServer(
  handler: RequestListener,
  limits: HttpLimits,
  maxConnections: number,
): Server {
  const server = createServer({
    headersTimeout: limits.headersMilliseconds,
    requestTimeout: limits.requestMilliseconds,
    keepAliveTimeout: limits.keepAliveMilliseconds,
    connectionsCheckingInterval: limits.checkMilliseconds,
    maxHeaderSize: limits.headerBytes,
    // The host check responds in the format of the route.
    requireHostHeader: false,
  });
  server.setTimeout(limits.silenceMilliseconds);
  server.maxConnections = maxConnections;
  // Otherwise full workers would pass a connection to each other forever.
  Object.assign(server, { dropMaxConnection: true });
  handleRequests(server, handler, {
    pipelinedRequests: limits.pipelinedRequests,
    idleMilliseconds: limits.keepAliveMilliseconds + limits.headersMilliseconds,
  });
  handleExpectations(server, limits.bodyBytes);
  server.on('connect', ({ socket }) => endWithClientError(socket, 501));
  return server;
}

/** Sends 100 Continue unless the body is too large. Other expectations may be ignored (RFC 9110 §10.1.1). */
function handleExpectations(server: Server, bodyBytes: number): void {
  server.on('checkContinue', (request, response) => {
    if (!(Number(request.headers['content-length']) > bodyBytes)) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/** Removes entries of X-Forwarded-For that are no addresses: Fastify does not check them. */
function checkForwardedAddresses(app: FastifyInstance): void {
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    const forwarded = headers['x-forwarded-for'];
    // An empty header stays, because it shows that there is a proxy.
    if (forwarded !== undefined) headers['x-forwarded-for'] = forwardedAddresses(String(forwarded));
    done();
  });
}
