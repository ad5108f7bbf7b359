/** Creates the HTTP server with limits for slow, large and numerous requests. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../../config/config.ts';
import { forwardedAddresses } from '../../core/network.ts';
import type { Log } from '../../observability/log.ts';
import {
  endWithClientError,
  isClosing,
  type ParserError,
  parserErrorStatus,
} from './client-errors.ts';
import { sendUnroutable } from './error-handler.ts';
import type { HttpLimits } from './limits.ts';
import { handleInOrder, isResponding } from './pipelining.ts';
import { nextRequestId } from './request-log.ts';

export interface HttpServerDeps {
  readonly limits: HttpLimits;
  /** Concurrent connections; more are closed without a response. */
  readonly maxConnections: number;
  readonly log: Log;
}

function createHttpServer(handler: RequestListener, deps: HttpServerDeps): Server {
  const { limits, maxConnections } = deps;
  const options = {
    headersTimeout: limits.headersMilliseconds,
    requestTimeout: limits.requestMilliseconds,
    keepAliveTimeout: limits.keepAliveMilliseconds,
    connectionsCheckingInterval: limits.checkMilliseconds,
    maxHeaderSize: limits.headerBytes,
    // The host check responds in the format of the route.
    requireHostHeader: false,
  };
  const server = createServer(options, handleInOrder(handler, limits));
  server.setTimeout(limits.silenceMilliseconds);
  server.maxConnections = maxConnections;
  // Otherwise full workers would pass a connection to each other forever.
  Object.assign(server, { dropMaxConnection: true });
  closeIdleConnections(server, limits.keepAliveMilliseconds + limits.headersMilliseconds);
  handleClientErrors(server, deps.log);
  handleExpectations(server, limits.bodyBytes);
  return server;
}

function handleClientErrors(server: Server, log: Log): void {
  server.on('clientError', (error: ParserError, socket) => {
    if (!(socket instanceof Socket) || isClosing(socket)) return;
    // An error must not be written into a response that has begun.
    if (isResponding(socket)) return void socket.destroy();
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const status = parserErrorStatus(error);
    log.debug({ status, reason: error.code }, 'client error');
    endWithClientError(socket, status);
  });
  server.on('connect', ({ socket }) => endWithClientError(socket, 501));
}

/** Sends 100 Continue unless the body is too large. Other expectations may be ignored (RFC 9110 §10.1.1). */
function handleExpectations(server: Server, bodyBytes: number): void {
  server.on('checkContinue', (request, response) => {
    if (!(Number(request.headers['content-length']) > bodyBytes)) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/**
 * Closes idle connections. Line breaks between two requests reset the keep-alive timer of Node, and no
 * request timeout starts for them.
 */
function closeIdleConnections(server: Server, milliseconds: number): void {
  const requests = new WeakMap<Duplex, IncomingMessage>();
  const timers = new WeakMap<Duplex, NodeJS.Timeout>();
  server.on('connection', (socket) => socket.once('close', () => clearTimeout(timers.get(socket))));
  server.on('request', (request, response) => {
    const { socket } = request;
    clearTimeout(timers.get(socket));
    requests.set(socket, request);
    response.once('finish', () => {
      if (socket.destroyed || requests.get(socket) !== request) return;
      timers.set(socket, setTimeout(() => socket.destroy(), milliseconds).unref());
    });
  });
}

export interface ListenerDeps {
  readonly config: Pick<Config, 'trustedProxyHops' | 'maxConnections'>;
  readonly log: Log;
  readonly limits: HttpLimits;
}

export function createListener({ config, log, limits }: ListenerDeps): FastifyInstance {
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
    // Requests during the shutdown are still answered, and the 503 of Fastify has another format.
    return503OnClosing: false,
    serverFactory: (handler) =>
      createHttpServer(withForwardedAddresses(handler), { limits, maxConnections, log }),
    // handleClientErrors replaces it.
    clientErrorHandler: () => undefined,
    frameworkErrors: (error, _request, reply) => sendUnroutable(error, reply),
  });
}

/** Removes entries of X-Forwarded-For that are no addresses: Fastify does not check them. */
function withForwardedAddresses(handler: RequestListener): RequestListener {
  return (request, response) => {
    const header = request.headers['x-forwarded-for'];
    // An empty header stays, because it shows that there is a proxy.
    if (header !== undefined) {
      request.headers['x-forwarded-for'] = forwardedAddresses(String(header));
    }
    handler(request, response);
  };
}
