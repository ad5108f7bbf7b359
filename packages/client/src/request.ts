/** GraphQL requests to Gatehouse: sends a document, returns its data or throws a `GatehouseError`. */
import { GatehouseError } from './errors.ts';

export interface RequestDetails {
  readonly token?: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** Sends a document and returns its data. */
export type Send = <Data>(
  document: string,
  variables?: object,
  details?: RequestDetails,
) => Promise<Data>;

export interface SenderOptions {
  readonly endpoint: string;
  readonly hasCookie: boolean;
  readonly fetch: typeof globalThis.fetch;
}

const timeoutMilliseconds = 30_000;

interface GraphqlAnswer {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: { readonly code?: string; readonly retryAfter?: number };
  }[];
}

export function createSender({ endpoint, hasCookie, fetch }: SenderOptions): Send {
  return async <Data>(document: string, variables: object = {}, details: RequestDetails = {}) => {
    const { token, signal } = details;
    let response: Response | undefined;
    let answer: GraphqlAnswer | null;
    try {
      response = await fetch(endpoint, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(hasCookie && { 'x-session-transport': 'cookie' }),
          ...(token && { authorization: `Bearer ${token}` }),
        },
        ...(hasCookie && { credentials: 'include' }),
        redirect: 'error', // the body has secrets
        body: JSON.stringify({ query: document, variables }),
        signal: signal ?? AbortSignal.timeout(timeoutMilliseconds),
      });
      answer = (await response.json()) as GraphqlAnswer | null; // as: another server is recognized below
    } catch (cause) {
      signal?.throwIfAborted();
      throw new GatehouseError(
        'NETWORK',
        `${endpoint} does not answer, or CORS_ALLOWED_ORIGINS lacks the origin of this page.`,
        {
          cause,
          status: response?.status,
        },
      );
    }
    const { ok, status } = response;
    const error = answer?.errors?.[0];
    if (error) {
      const { code = 'INTERNAL', retryAfter } = error.extensions ?? {};
      throw new GatehouseError(code, error.message, { retryAfter, status });
    }
    if (!ok || !answer?.data) {
      throw new GatehouseError('NETWORK', `${endpoint} is not Gatehouse.`, { status });
    }
    return answer.data as Data; // as: the caller knows the type of its document
  };
}
