/** How large a request may be and how long it may take: the one table of such figures. */

export interface HttpLimits {
  readonly bodyBytes: number;
  /** Milliseconds for a whole request to arrive; Fastify never closes slow bodies otherwise. */
  readonly requestTimeout: number;
}

export const httpLimits: HttpLimits = {
  bodyBytes: 100_000,
  requestTimeout: 10_000,
};
