/** How large a request may be and how long it may take: the one table of such figures. */

export interface HttpLimits {
  /** Of a body, whatever its framing. */
  readonly bodyBytes: number;
  /** Of the request line and all headers together. */
  readonly headerBytes: number;
  /** Objects and lists within each other in a JSON body. */
  readonly jsonDepth: number;
  /** From the first byte of a request to the end of its headers; also how long a caller may say nothing. */
  readonly headersMilliseconds: number;
  /** From the first byte of a request to its last. */
  readonly requestMilliseconds: number;
  /** From the beginning of a request that has arrived whole to its answer. */
  readonly answerMilliseconds: number;
  /** Between an answer and the next request on the same connection. */
  readonly keepAliveMilliseconds: number;
  /** Without a byte in either direction, as when a caller does not fetch its answer. */
  readonly silenceMilliseconds: number;
  /** Requests of a connection that wait until the answers before them have left; more end it. */
  readonly waitingRequests: number;
  /** Bytes of such requests. */
  readonly waitingBytes: number;
  /** How often connections are looked through for those that take too long. */
  readonly checkMilliseconds: number;
}

/** Whichever bytes a connection brings once a second, it is closed within fifteen seconds. */
export const httpLimits: HttpLimits = {
  bodyBytes: 100_000,
  headerBytes: 16_384,
  jsonDepth: 32,
  headersMilliseconds: 8_000,
  requestMilliseconds: 10_000,
  answerMilliseconds: 4_500,
  keepAliveMilliseconds: 5_000,
  silenceMilliseconds: 30_000,
  waitingRequests: 128,
  waitingBytes: 262_144,
  checkMilliseconds: 1_000,
};
