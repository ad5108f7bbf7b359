/**
 * Limits of a connection that Node.js does not have: the number of pipelined requests, and the time without a
 * request. Node.js handles pipelined requests at once and sends the responses in the order of the requests
 * (RFC 9112 §9.3.2), so a client that reads no response could fill the memory with responses.
 */
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  /** Responses that have not left completely, in the order of their requests. */
  readonly open: Set<ServerResponse>;
  readonly idleTimer: NodeJS.Timeout;
}

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
    const idleTimer = setTimeout(() => {
      if (open.size > 0) idleTimer.refresh();
      else socket.destroy();
    }, idleMilliseconds).unref();
    connections.set(socket, { open, idleTimer });
    socket.once('close', () => clearTimeout(idleTimer));
  });
  server.on('request', (request, response) => {
    const connection = connections.get(request.socket);
    connection?.idleTimer.refresh();
    connection?.open.add(response);
    response.once('close', () => connection?.open.delete(response));
    if (connection && connection.open.size > pipelinedRequests) request.socket.destroy();
    else handler(request, response);
  });
}

/** Whether a response has begun on the connection. An error must not be written into it. */
export function isResponding(socket: Socket): boolean {
  const [current] = connections.get(socket)?.open ?? [];
  return current?.headersSent === true;
}
