/** The error that the client throws. Expected errors of an operation are results, `Problem`, and are not thrown. */

/** Codes of the errors that an app should know. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'THROTTLED'
  | 'OVERLOADED'
  | 'INTERNAL'
  /** No answer of Gatehouse arrived: the network, a proxy, CORS, or a timeout. */
  | 'NETWORK';

export interface ErrorDetails {
  readonly cause?: unknown;
  readonly retryAfter?: number | undefined;
  readonly status?: number | undefined;
}

export class GatehouseError extends Error {
  override readonly name = 'GatehouseError';
  /** An `ErrorCode`, or the code of a malformed request, such as `BAD_USER_INPUT`. */
  readonly code: ErrorCode | (string & Record<never, never>);
  /** Seconds after which a retry helps. */
  readonly retryAfter: number | undefined;
  /** HTTP status, if there is a response. */
  readonly status: number | undefined;

  constructor(code: GatehouseError['code'], message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.retryAfter = details.retryAfter;
    this.status = details.status;
  }
}

/** Whether an error has this code. Works with errors of another copy of the package. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
