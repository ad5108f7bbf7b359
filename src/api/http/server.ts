/** Node's HTTP server within our limits: nobody may be slow, large or many without end. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../../config/config.ts';
import { forwardedAddresses } from '../../core/network.ts';
import type { Log } from '../../observability/log.ts';
import {
  endWithClientError,
  isEnding,
  type ParserError,
  statusOfParserError,
} from './client-errors.ts';
import { sendUnroutable } from './error-handler.ts';
import type { HttpLimits } from './limits.ts';
import { answerInOrder, isAnswering } from './pipelining.ts';
import { nextRequestId } from './request-log.ts';

export interface HttpServerDeps {
  readonly limits: HttpLimits;
  /** Connections at a time; more are closed without an answer. */
  readonly maxConnections: number;
  readonly log: Log;
}

function createHttpServer(handler: RequestListener, parts: HttpServerDeps): Server {
  const { limits, maxConnections } = parts;
  const options = {
    headersTimeout: limits.headersMilliseconds,
    requestTimeout: limits.requestMilliseconds,
    keepAliveTimeout: limits.keepAliveMilliseconds,
    connectionsCheckingInterval: limits.checkMilliseconds,
    maxHeaderSize: limits.headerBytes,
    // Judged by ourselves, so that the refusal has its shape.
    requireHostHeader: false,
  };
  const server = createServer(options, answerInOrder(handler, limits));
  server.setTimeout(limits.silenceMilliseconds);
  server.maxConnections = maxConnections;
  // Otherwise workers that are full hand a connection to each other forever.
  Object.assign(server, { dropMaxConnection: true });
  closeIdle(server, limits.keepAliveMilliseconds + limits.headersMilliseconds);
  refuseWhatIsNoRequest(server, parts.log);
  readExpectations(server, limits.bodyBytes);
  return server;
}

function refuseWhatIsNoRequest(server: Server, log: Log): void {
  server.on('clientError', (error: ParserError, socket) => {
    if (!(socket instanceof Socket) || isEnding(socket)) return;
    // Into an answer that has begun nothing may be written.
    if (isAnswering(socket)) return void socket.destroy();
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const status = statusOfParserError(error);
    log.debug({ status, reason: error.code }, 'client error');
    endWithClientError(socket, status);
  });
  server.on('connect', ({ socket }) => endWithClientError(socket, 501));
}

/** Asks for a body only if it will be read; expectations of other kinds may be ignored (RFC 9110 §10.1.1). */
function readExpectations(server: Server, bodyBytes: number): void {
  server.on('checkContinue', (request, response) => {
    if (!(Number(request.headers['content-length']) > bodyBytes)) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/**
 * Node takes line breaks between two requests for signs of life, of which no request and so no
 * timeout ever begins.
 */
function closeIdle(server: Server, milliseconds: number): void {
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
