/**
 * The client of Gatehouse for browser apps and Node.js: logs in, keeps the session, and sends requests with its access
 * token. It has no dependencies.
 */
import { createDocuments } from './documents.ts';
import { hasCode } from './errors.ts';
import { createFetch } from './fetch.ts';
import { createSender, type RequestDetails } from './request.ts';
import {
  type AccessTokenOptions,
  type Change,
  createSession,
  type IssuedTokens,
  type Tokens,
} from './session.ts';
import { startStopwatch } from './timing.ts';
import type {
  Acknowledgement,
  ChangePasswordInput,
  LoginInput,
  Problem,
  RegisterInput,
  ResetPasswordInput,
  TokenPair,
  User,
} from './types.ts';

export { type ErrorCode, GatehouseError } from './errors.ts';
export type { AccessTokenOptions, Change, ChangeReason, Tokens } from './session.ts';
export type * from './types.ts';

export interface ClientOptions {
  /** URL of Gatehouse: `PUBLIC_URL`, or the path of a proxy such as `/gatehouse`. */
  readonly url: string;
  /**
   * The place of the refresh token. `cookie`: an HttpOnly cookie, which survives a reload and which no script can read.
   * `memory`: this object, for Node.js, and for browsers of origins that Gatehouse does not list.
   */
  readonly transport: 'cookie' | 'memory';
  /** Further origins that get the access token from `fetch`, such as `https://api.example.com`. */
  readonly origins?: readonly string[];
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** With `memory`: continues the session of this refresh token. */
  readonly refreshToken?: string;
  /** With `memory`: called with the tokens of each login and refresh, and with null after the session. */
  readonly onTokens?: (tokens: Tokens | null) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Methods need no `this`. They throw a `GatehouseError` for errors that are not a `Problem`, and the reason of `signal`. */
export interface Client {
  /** The user of the session as last seen; undefined before the first check, null without a session. */
  readonly user: User | null | undefined;
  /** Calls the listener after each change of the user. Returns the function that removes it. */
  onChange(listener: (change: Change) => void): () => void;
  /** The access token, refreshed if needed; null without a session. */
  getAccessToken(options?: AccessTokenOptions): Promise<string | null>;
  /** Refreshes now. Returns the user; null without a session. */
  refresh(): Promise<User | null>;
  /** The user as the service knows it now; null without a session. */
  me(options?: CallOptions): Promise<User | null>;
  /**
   * The global `fetch`, with the access token for Gatehouse and `origins`. After a 401 it refreshes the token and sends
   * the request again once.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Sends a GraphQL document to Gatehouse, and returns its data. */
  graphql<Data = unknown>(
    document: string,
    variables?: object,
    options?: CallOptions,
  ): Promise<Data>;
  login(input: LoginInput, options?: CallOptions): Promise<TokenPair | Problem>;
  /** Ends the session. Without one, it succeeds too. */
  logout(options?: CallOptions): Promise<Acknowledgement | Problem>;
  /** Ends all sessions of the user. */
  logoutEverywhere(options?: CallOptions): Promise<Acknowledgement | Problem>;
  register(input: RegisterInput, options?: CallOptions): Promise<Acknowledgement | Problem>;
  /**
   * @param input the code of the mail, with the address for a short code such as `ABCD-EFGH`, and the password of the
   *   registration if the app asks for it
   */
  verifyEmail(
    input: { readonly code: string; readonly email?: string; readonly password?: string },
    options?: CallOptions,
  ): Promise<Acknowledgement | Problem>;
  resendVerificationEmail(
    input: { readonly email: string },
    options?: CallOptions,
  ): Promise<Acknowledgement | Problem>;
  requestPasswordReset(
    input: { readonly email: string },
    options?: CallOptions,
  ): Promise<Acknowledgement | Problem>;
  resetPassword(
    input: ResetPasswordInput,
    options?: CallOptions,
  ): Promise<Acknowledgement | Problem>;
  changePassword(
    input: ChangePasswordInput,
    options?: CallOptions,
  ): Promise<Acknowledgement | Problem>;
  /** Removes the timer, the listeners and the connection to other tabs. */
  close(): void;
}

export function createClient(options: ClientOptions): Client {
  const hasCookie = options.transport === 'cookie';
  const endpoint = endpointOf(options.url);
  const documents = createDocuments(hasCookie);
  const globalFetch: typeof globalThis.fetch = (input, init) =>
    (options.fetch ?? globalThis.fetch)(input, init);
  const send = createSender({ endpoint, hasCookie, fetch: globalFetch });

  const session = createSession({
    name: hasCookie ? `gatehouse ${endpoint}` : undefined,
    refreshToken: options.refreshToken,
    onTokens: options.onTokens,
    exchange: (refreshToken) => run(documents.refresh, { refreshToken }),
  });

  /** Executes a document of the client and returns its field `result`. */
  async function run<Result>(
    document: string,
    variables?: object,
    details?: RequestDetails,
  ): Promise<Result> {
    return (await send<{ readonly result: Result }>(document, variables, details)).result;
  }

  /** Sends with the access token, and once more with a new one if it is refused. */
  async function authorized<Result>(
    request: (token: string | null) => Promise<Result>,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    const token = await session.getAccessToken({ signal });
    try {
      return await request(token);
    } catch (error) {
      if (token === null || !hasCode(error, 'UNAUTHENTICATED')) throw error;
      return request(await session.getAccessToken({ refused: token, signal }));
    }
  }

  /** Ends the session, here and in other tabs, if the request has ended it at the service. */
  function endBy(document: string, details: RequestDetails) {
    return session.exclusive(async () => {
      const result = await run<Acknowledgement | Problem>(document, {}, details);
      if (result.__typename === 'Acknowledgement' || result.code === 'INVALID_TOKEN') session.end();
      return result;
    });
  }

  /** Logging out succeeds for a session that has ended already. */
  async function unlessEnded(request: () => Promise<Acknowledgement | Problem>) {
    try {
      return await request();
    } catch (error) {
      if (!hasCode(error, 'UNAUTHENTICATED')) throw error;
      session.end();
      return loggedOut;
    }
  }

  const action =
    (document: string) =>
    (variables: object, { signal }: CallOptions = {}): Promise<Acknowledgement | Problem> =>
      run(document, variables, { signal });

  const actionWithInput =
    (document: string) =>
    (input: object, { signal }: CallOptions = {}): Promise<Acknowledgement | Problem> =>
      run(document, { input }, { signal });

  return {
    get user() {
      return session.user;
    },
    onChange: session.onChange,
    getAccessToken: session.getAccessToken,
    refresh: session.refresh,
    fetch: createFetch({
      fetch: globalFetch,
      origins: [endpoint, ...(options.origins ?? [])].map((url) => new URL(url).origin),
      getAccessToken: session.getAccessToken,
    }),
    async me({ signal } = {}) {
      const me = (token: string | null) =>
        token === null ? null : run<User>(documents.me, {}, { token, signal });
      const user = await authorized(async (token) => me(token), signal);
      if (user) session.setUser(user);
      return user;
    },
    graphql: (document, variables, { signal } = {}) =>
      authorized((token) => send(document, variables, { token, signal }), signal),
    login: (input, { signal } = {}) =>
      session.exclusive(async () => {
        const age = startStopwatch();
        const result = await run<IssuedTokens | Problem>(documents.login, { input }, { signal });
        if (result.__typename !== 'TokenPair') return result;
        session.begin(result, age);
        const { __typename, accessToken, expiresIn, user } = result;
        return { __typename, accessToken, expiresIn, user };
      }),
    logout: ({ signal } = {}) =>
      unlessEnded(async () => {
        const byToken = () =>
          authorized((token) => endBy(documents.logout, { token, signal }), signal);
        if (!hasCookie) return byToken();
        // The cookie names the session. An expired access token beside it would be an error.
        return endBy(documents.logout, { signal }).catch((error: unknown) => {
          if (!hasCode(error, 'UNAUTHENTICATED') || !session.accessToken) throw error;
          return byToken(); // the browser has lost the cookie
        });
      }),
    logoutEverywhere: ({ signal } = {}) =>
      unlessEnded(() =>
        authorized((token) => endBy(documents.logoutEverywhere, { token, signal }), signal),
      ),
    register: actionWithInput(documents.register),
    verifyEmail: action(documents.verifyEmail),
    resendVerificationEmail: action(documents.resendVerificationEmail),
    requestPasswordReset: action(documents.requestPasswordReset),
    resetPassword: actionWithInput(documents.resetPassword),
    changePassword: (input, { signal } = {}) =>
      authorized((token) => run(documents.changePassword, { input }, { token, signal }), signal),
    close: session.close,
  };
}

const loggedOut: Acknowledgement = { __typename: 'Acknowledgement', message: 'Logged out.' };

/** A relative URL is one of the page. */
function endpointOf(url: string): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } }; // as: Node.js has none
  return new URL(`${url.replace(/\/+$/, '')}/graphql`, location?.href).href;
}
