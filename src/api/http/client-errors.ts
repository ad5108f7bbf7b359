/**
 * Responses to requests that the HTTP parser rejects: too slow, too large or malformed. Fastify has no
 * route and no reply for them, so this file writes the response to the socket.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../../observability/log.ts';
import { isResponding } from './connections.ts';
import { httpErrorBody, toJsonLine } from './responses.ts';
import { securityHeaders } from './security-headers.ts';

interface ParserError extends Error {
  readonly code?: string;
  /** The bytes that the parser has rejected. */
  readonly rawPacket?: unknown;
}

/** Answers an error of the HTTP parser. */
export function sendClientError(error: ParserError, socket: Socket, log: Log): void {
  if (closing.has(socket)) return;
  if (isResponding(socket) || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error);
  log.debug({ status, reason: error.code }, 'client error');
  endWithClientError(socket, status);
}

function statusOf(error: ParserError): number {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    case 'HPE_INVALID_METHOD':
      // 501 for a word in place of the method (RFC 9110 §15.6.2), 400 for bytes that are not HTTP.
      return /^[A-Z]{1,32} \S/.test(String(error.rawPacket ?? '').slice(0, 64)) ? 501 : 400;
    default:
      return 400;
  }
}

/** Sends the error and closes the connection: bytes after a malformed request cannot be trusted. */
export function endWithClientError(socket: Socket, status: number): void {
  const body = toJsonLine(httpErrorBody(status));
  const headers = {
    ...securityHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`;
  lingeringClose(socket, head + body);
}

/** The client has this time to read the response. The server reads nothing more from it. */
const lingerMs = 1_000;

const closing = new WeakSet<Socket>();

/**
 * Sends the last bytes, stops reading, and destroys the socket after `lingerMs`. Destroying it at once would
 * reset the connection, and a client that still sends would not receive the response (RFC 9112 §9.6).
 */
function lingeringClose(socket: Socket, lastBytes = ''): void {
  if (closing.has(socket)) return;
  closing.add(socket);
  socket.end(lastBytes);
  socket.pause();
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Node calls `destroySoon` after the response that closes the connection. */
export function lingeringCloseAfterResponse(socket: Socket): void {
  socket.destroySoon = () => lingeringClose(socket);
}
