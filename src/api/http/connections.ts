/**
 * Rules of a connection that Node.js does not have: the order and the number of pipelined requests, and the time
 * without a request. Node.js handles pipelined requests at once and sends the responses in their order. That is right
 * for safe methods only (RFC 9112 §9.3.2), and a client that reads no response could fill the memory with responses.
 */
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Waiting {
  readonly response: ServerResponse;
  readonly isSafe: boolean;
  readonly start: () => void;
}

interface Connection {
  /** Responses that have not left completely, in the order of their requests. */
  readonly open: Set<ServerResponse>;
  readonly waiting: Waiting[];
  /** The open response to a request with an unsafe method, whose handler has begun. */
  unsafe: ServerResponse | undefined;
  readonly idleTimer: NodeJS.Timeout;
}

const safeMethods: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS']);

const connections = new WeakMap<Socket, Connection>();

export interface ConnectionLimits {
  readonly pipelinedRequests: number;
  /** Time without a request. Line breaks between two requests reset the keep-alive timer of Node.js. */
  readonly idleMilliseconds: number;
}

/** Passes requests on to the handler. Closes connections over a limit. */
export function handleRequests(
  server: Server,
  handler: RequestListener,
  { pipelinedRequests, idleMilliseconds }: ConnectionLimits,
): void {
  server.on('connection', (socket) => {
    const open = new Set<ServerResponse>();
    const waiting: Waiting[] = [];
    const idleTimer = setTimeout(() => {
      if (open.size > 0) idleTimer.refresh();
      else socket.destroy();
    }, idleMilliseconds).unref();
    connections.set(socket, { open, waiting, unsafe: undefined, idleTimer });
    socket.once('close', () => {
      clearTimeout(idleTimer);
      waiting.length = 0;
    });
  });
  server.on('request', (request, response) => {
    const connection = connections.get(request.socket);
    if (!connection) return handler(request, response);
    const { open, waiting, idleTimer } = connection;
    idleTimer.refresh();
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      if (connection.unsafe === response) connection.unsafe = undefined;
      startWaiting(connection);
    });
    if (open.size > pipelinedRequests) return void request.socket.destroy();
    const isSafe = safeMethods.has(request.method);
    waiting.push({ response, isSafe, start: () => handler(request, response) });
    startWaiting(connection);
  });
}

/** Starts the next requests. One with an unsafe method is handled alone. */
function startWaiting(connection: Connection): void {
  const { open, waiting } = connection;
  for (let next = waiting[0]; next && !connection.unsafe; next = waiting[0]) {
    const isAlone = open.size === waiting.length;
    if (!next.isSafe && !isAlone) return;
    if (!next.isSafe) connection.unsafe = next.response;
    waiting.shift();
    next.start();
  }
}

/** Whether a response has begun on the connection. An error must not be written into it. */
export function isResponding(socket: Socket): boolean {
  const [current] = connections.get(socket)?.open ?? [];
  return current?.headersSent === true;
}
