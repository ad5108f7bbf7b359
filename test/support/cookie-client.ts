/** A client in cookie mode: it keeps the session cookie as a browser does, and sends its origin. */
import { sessionCookieName } from '../../src/api/http/session-cookie.ts';
import type { GraphqlAnswer, RestAnswer } from './client.ts';
import { goodPassword, insertAccount, newAddress } from './people.ts';
import type { TestService } from './service.ts';

export interface CookieRequest {
  readonly token?: string | undefined;
  /** Replaces headers; undefined removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface CookieAnswer extends Omit<GraphqlAnswer, 'text'>, Omit<RestAnswer, 'headers'> {
  /** The Set-Cookie headers. */
  readonly setCookies: readonly string[];
}

export interface CookieClient {
  /** The refresh token that the browser has. */
  cookie: string | undefined;
  graphql(query: string, variables?: object, request?: CookieRequest): Promise<CookieAnswer>;
  /** A JSON request. `path` is below `/auth`. */
  rest(
    method: string,
    path: string,
    request?: CookieRequest & { readonly json?: object },
  ): Promise<CookieAnswer>;
}

export const loginDocument = `mutation ($input: LoginInput!) { login(input: $input) {
  __typename
  ... on TokenPair { accessToken refreshToken refreshTokenExpiresAt expiresIn user { id } }
  ... on Problem { code message fields { path message } }
} }`;

export const refreshDocument = `mutation ($refreshToken: String) { result: refreshTokens(refreshToken: $refreshToken) {
  __typename
  ... on TokenPair { accessToken refreshToken expiresIn user { id email } }
  ... on Problem { code message fields { path message } }
} }`;

export const logoutDocument = `mutation ($refreshToken: String) { result: logout(refreshToken: $refreshToken) {
  __typename ... on Problem { code message fields { path message } }
} }`;

export function createCookieClient(service: TestService, cookie?: string): CookieClient {
  const headersOf = ({ token, headers = {} }: CookieRequest) => {
    const all = {
      origin: service.app.config.publicUrl,
      'x-session-transport': 'cookie',
      'content-type': 'application/json',
      cookie: client.cookie === undefined ? undefined : `${sessionCookieName}=${client.cookie}`,
      authorization: token === undefined ? undefined : `Bearer ${token}`,
      ...headers,
    };
    return Object.entries(all).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    );
  };
  const send = async (url: string, init: RequestInit): Promise<CookieAnswer> => {
    const response = await fetch(`${service.address}${url}`, init);
    const text = await response.text();
    const setCookies = response.headers.getSetCookie();
    for (const line of setCookies) {
      const value = /^__Host-gatehouse-session=([^;]*);/.exec(line)?.[1];
      client.cookie = value === '' ? undefined : value;
    }
    const body = text.startsWith('{') ? JSON.parse(text) : undefined;
    const { status, headers } = response;
    return { status, headers, setCookies, text, body, data: body?.data, errors: body?.errors };
  };
  const client: CookieClient = {
    cookie,
    graphql: (query, variables = {}, request = {}) =>
      send('/graphql', {
        method: 'POST',
        headers: headersOf(request),
        body: JSON.stringify({ query, variables }),
      }),
    rest(method, path, { json, ...request } = {}) {
      const type = json === undefined ? { 'content-type': undefined } : {};
      const headers = headersOf({ ...request, headers: { ...type, ...request.headers } });
      const body = json === undefined ? {} : { body: JSON.stringify(json) };
      return send(`/auth${path}`, { method, headers, ...body });
    },
  };
  return client;
}

export interface CookieSession extends CookieClient {
  readonly email: string;
  readonly userId: string;
  readonly accessToken: string;
}

/** A user who has logged in in cookie mode. */
export async function cookieSession(
  service: TestService,
  account: { readonly email?: string; readonly password?: string } = {},
): Promise<CookieSession> {
  const { email = newAddress(), password = goodPassword } = account;
  if (account.email === undefined) await insertAccount(service, { email, password });
  const client = createCookieClient(service);
  const { data, text } = await client.graphql(loginDocument, { input: { email, password } });
  if (data?.login?.__typename !== 'TokenPair') throw new Error(text);
  const { accessToken, user } = data.login;
  return Object.assign(client, { email, userId: user.id, accessToken });
}
