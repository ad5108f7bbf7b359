/** The limits of requests: sizes and times. */

export interface HttpLimits {
  /** Size of a body, with Content-Length or chunked. */
  readonly bodyBytes: number;
  /** Size of the request line and all headers together. */
  readonly headerBytes: number;
  /** Nested objects and lists in a JSON body. */
  readonly jsonDepth: number;
  /** From the first byte of a request to the end of its headers, and on a new connection without a byte. */
  readonly headersMilliseconds: number;
  /** From the first byte of a request to the last. */
  readonly requestMilliseconds: number;
  /** From the start of a completely received request to its response. */
  readonly answerMilliseconds: number;
  /** Between a response and the next request on the same connection. */
  readonly keepAliveMilliseconds: number;
  /** Without a byte in either direction, such as a client that does not read its response. */
  readonly silenceMilliseconds: number;
  /** Requests of a connection without a complete response; more close it. */
  readonly pipelinedRequests: number;
  /** Interval of the check for connections over a limit. */
  readonly checkMilliseconds: number;
}

/** A connection that sends a byte per second, and never a request, is closed within fifteen seconds. */
export const httpLimits: HttpLimits = {
  bodyBytes: 100_000,
  headerBytes: 16_384,
  jsonDepth: 32,
  headersMilliseconds: 8_000,
  requestMilliseconds: 10_000,
  answerMilliseconds: 4_500,
  keepAliveMilliseconds: 5_000,
  silenceMilliseconds: 30_000,
  pipelinedRequests: 128,
  checkMilliseconds: 1_000,
};
