/** A client of the process under test that sends a secret in a cookie with each request. */

import { createClient, type RestRequest } from '../support/client.ts';
import { readOperations } from '../support/operations.ts';

export const operations = readOperations();

export interface CallResponse {
  readonly status: number;
  /** The session cookie that the response sets. */
  readonly sessionCookie: string | undefined;
  readonly text: string;
}

export interface Calls {
  send(method: string, path: string, request?: SentRequest): Promise<CallResponse>;
  /** @throws Error for a failed request */
  graphql(name: string, variables: object, token?: string): Promise<void>;
  /** Returns the data of the response. @throws Error for a failed request */
  rest(method: string, path: string, request?: RestRequest): Promise<Record<string, string>>;
}

export interface SentRequest {
  readonly token?: string | undefined;
  readonly type?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function createCalls(address: string, cookie: string): Calls {
  const client = createClient(address);
  const send: Calls['send'] = async (method, path, { token, type, body, headers } = {}) => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: {
        cookie: `session=${cookie}`,
        ...headers,
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const [setCookie = ''] = response.headers.getSetCookie();
    const sessionCookie = /^__Host-gatehouse-session=([^;]+)/.exec(setCookie)?.[1];
    return { status: response.status, sessionCookie, text: await response.text() };
  };
  return {
    send,
    async graphql(name, variables, token) {
      const query = operations.find((each) => each.name === name)?.document;
      const body = JSON.stringify({ query, variables });
      const { text } = await send('POST', '/graphql', { token, type: 'application/json', body });
      if (/"errors":|"code":/.test(text)) throw new Error(`${name}: ${text}`);
    },
    async rest(method, path, request = {}) {
      const headers = { cookie: `session=${cookie}` };
      const { status, text, body } = await client.rest(method, path, { ...request, headers });
      if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
      return body?.data ?? {};
    },
  };
}
