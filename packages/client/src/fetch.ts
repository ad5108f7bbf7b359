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
    // A copy of a request also has the URL of a request of another realm, such as that of an iframe.
    const isText = typeof input === 'string' || input instanceof URL;
    const request = isText ? undefined : new Request(input);
    // The same URL is checked and requested.
    const url = request?.url ?? absolute(String(input));
    const headers = new Headers(init.headers ?? request?.headers);
    if (!origins.includes(new URL(url).origin) || headers.has('authorization')) {
      return fetch(request ?? url, init);
    }
    const signal = init.signal ?? request?.signal;
    const send = (token: string | null) => {
      if (token !== null) headers.set('authorization', `Bearer ${token}`);
      // The body of a request can be read once, so the copy is sent.
      return fetch(request?.clone() ?? url, { ...init, headers });
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

/** A relative URL has the base of the document, which `<base>` can change, or that of a worker. */
function absolute(url: string): string {
  // as: Node.js has neither
  const { document, location } = globalThis as {
    readonly document?: { readonly baseURI: string };
    readonly location?: { readonly href: string };
  };
  return new URL(url, document?.baseURI ?? location?.href).href;
}
