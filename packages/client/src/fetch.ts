/** `fetch` with the access token, for the origins that may have it. */
import type { AccessTokenOptions } from './session.ts';

export interface FetchOptions {
  readonly fetch: typeof globalThis.fetch;
  /** Origins that get the token. */
  readonly origins: readonly string[];
  readonly getAccessToken: (options: AccessTokenOptions) => Promise<string | null>;
}

export function createFetch({ fetch, origins, getAccessToken }: FetchOptions) {
  return async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = input instanceof Request ? input : undefined;
    const headers = new Headers(init.headers ?? request?.headers);
    if (
      !origins.includes(originOf(request?.url ?? String(input))) ||
      headers.has('authorization')
    ) {
      return fetch(input, init);
    }
    const signal = init.signal ?? request?.signal;
    const send = (token: string | null) => {
      if (token !== null) headers.set('authorization', `Bearer ${token}`);
      // The body of a request can be read once, so the copy is sent.
      return fetch(request?.clone() ?? input, { ...init, headers });
    };
    const token = await getAccessToken({ signal });
    const response = await send(token);
    if (response.status !== 401 || token === null) return response;
    const renewed = await getAccessToken({ refused: token, signal });
    const isRepeatable = !(init.body instanceof ReadableStream);
    if (renewed === null || !isRepeatable) return response;
    await response.body?.cancel();
    return send(renewed);
  };
}

/** A relative URL is one of the page. */
function originOf(url: string): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } }; // as: Node.js has none
  return new URL(url, location?.href).origin;
}
