/** A request on a separate connection, for requests that `fetch` does not send. */
import { type IncomingHttpHeaders, request } from 'node:http';

export interface RawAnswer {
  /** 0 when the server closed the connection without a response. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in the order of the response. */
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

export interface RawRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const noAnswer: RawAnswer = { status: 0, headers: {}, rawHeaders: [], text: '' };

/** `path` is sent without normalisation and encoding. */
export function rawRequest(
  address: string,
  [method, path]: readonly [method: string, path: string],
  { headers = {}, body }: RawRequest = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve) => {
    const options = { hostname, port, method, path, headers: framed(headers, body), agent: false };
    const outgoing = request(options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', () => resolve(noAnswer));
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          rawHeaders: incoming.rawHeaders,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.on('error', () => resolve(noAnswer));
    outgoing.end(body);
  });
}

/** Node.js adds no Content-Length for methods that usually have no body. */
function framed(headers: Readonly<Record<string, string>>, body: string | Buffer | undefined) {
  const isChunked = 'transfer-encoding' in headers;
  if (body === undefined || isChunked) return headers;
  return { 'content-length': String(Buffer.byteLength(body)), ...headers };
}
