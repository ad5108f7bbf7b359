/**
 * Responses to requests that the HTTP parser rejects: too slow, too large or malformed. Fastify has no
 * route and no reply for them, so this file writes the response to the socket.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { httpErrorBody, toJsonLine } from './responses.ts';

/** The headers of every response, for those that no Fastify hook reaches. */
export const commonHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

export interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** The status of the response to an error of Node's HTTP parser. */
export function parserErrorStatus(error: ParserError): number {
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
    ...commonHeaders,
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

export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/** Sends the last bytes, stops reading, and destroys the socket after `lingerMs`. */
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
