/**
 * Answers to what is no request: too slow, too large or malformed for the parser. There is no route
 * and no hook then, only a socket, so that envelope and headers stand here as text.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { httpErrorBody, toJsonLine } from './responses.ts';

/** What every answer has, where no hook adds it. */
export const bareHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** What Node's parser says of a request, as a status. */
export function statusOfParserError(error: ParserError): number {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    case 'HPE_INVALID_METHOD':
      // A word where the method stands (RFC 9110 §15.6.2); anything else is not HTTP at all.
      return /^[A-Z]{1,32} \S/.test(String(error.rawPacket ?? '').slice(0, 64)) ? 501 : 400;
    default:
      return 400;
  }
}

export interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** Says so and closes the connection: behind something malformed nothing can be trusted. */
export function endWithClientError(socket: Socket, status: number): void {
  const body = toJsonLine(httpErrorBody(status));
  const headers = {
    ...bareHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`;
  lingeringClose(socket, head + body);
}

/** Time for the caller to notice the answer; nothing of what it sends is read meanwhile. */
const patienceMilliseconds = 1_000;

const ending = new WeakSet<Socket>();

export function isEnding(socket: Socket): boolean {
  return ending.has(socket);
}

/** Sends `last` and nothing after it, stops reading, and closes a moment later. */
function lingeringClose(socket: Socket, last = ''): void {
  if (ending.has(socket)) return;
  ending.add(socket);
  socket.end(last);
  socket.pause();
  const timer = setTimeout(() => socket.destroy(), patienceMilliseconds).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Node closes so once it has sent the answer that it is to close after. */
export function lingeringCloseAfterResponse(socket: Socket): void {
  socket.destroySoon = () => lingeringClose(socket);
}
