/** A client of the service: GraphQL and REST over HTTP. */

export interface GraphqlAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses field by field
  readonly data: any;
  readonly errors: readonly { message: string; extensions?: Record<string, unknown> }[] | undefined;
  readonly text: string;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses field by field
  readonly body: any;
}

export interface RestRequest {
  readonly token?: string | undefined;
  readonly json?: unknown;
  readonly form?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Client {
  readonly address: string;
  graphql(query: string, variables?: object, token?: string): Promise<GraphqlAnswer>;
  /** `path` is below `/auth`, such as `/login/`. */
  rest(method: string, path: string, request?: RestRequest): Promise<RestAnswer>;
}

export function createClient(address: string): Client {
  return {
    address,
    async graphql(query, variables = {}, token) {
      const response = await fetch(`${address}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ query, variables }),
      });
      const text = await response.text();
      const { data, errors } = JSON.parse(text);
      return { status: response.status, headers: response.headers, data, errors, text };
    },
    async rest(method, path, { token, json, form, headers } = {}) {
      const type =
        json !== undefined
          ? { 'content-type': 'application/json' }
          : form !== undefined
            ? { 'content-type': 'application/x-www-form-urlencoded' }
            : {};
      const body = json !== undefined ? JSON.stringify(json) : form;
      const response = await fetch(`${address}/auth${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...type,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: text.startsWith('{') ? JSON.parse(text) : undefined,
      };
    },
  };
}
