/** The state of the session in this tab: the access token, its refresh before it expires, and the user. */
import { GatehouseError } from './errors.ts';
import { connectTabs } from './tabs.ts';
import { abortable, startStopwatch, startTimer } from './timing.ts';
import type { Problem, TokenPair, User } from './types.ts';

/** Why the user changed. */
export type ChangeReason =
  /** The first check after the start: `user` is null if there is no session. */
  | 'restored'
  | 'login'
  /** In this tab or in another one. */
  | 'logout'
  /** The session has expired, or was revoked elsewhere. */
  | 'expired'
  /** Another account logged in in another tab. */
  | 'switched'
  /** The same user with another name, address or other field. */
  | 'updated';

export interface Change {
  readonly user: User | null;
  readonly reason: ChangeReason;
}

/** The tokens of a session without cookie. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export type IssuedTokens = TokenPair & { readonly refreshToken?: string };

export interface AccessTokenOptions {
  /** A token that an API refused: it is replaced, however many callers pass it. */
  readonly refused?: string | undefined;
  /** Ends the waiting of this caller. The refresh continues for the others. */
  readonly signal?: AbortSignal | undefined;
}

export interface Session {
  /** Undefined before the first check. */
  readonly user: User | null | undefined;
  /** The token of this tab, without a refresh. */
  readonly accessToken: string | undefined;
  onChange(listener: (change: Change) => void): () => void;
  getAccessToken(options?: AccessTokenOptions): Promise<string | null>;
  refresh(): Promise<User | null>;
  exclusive<T>(task: () => Promise<T>): Promise<T>;
  /** The results of operations that begin and end the session. Call it in an `exclusive` task. */
  begin(tokens: IssuedTokens, age: () => number): void;
  end(): void;
  setUser(user: User): void;
  close(): void;
}

export interface SessionOptions {
  /** The name of the session among tabs; undefined without cookie. */
  readonly name: string | undefined;
  readonly refreshToken: string | undefined;
  readonly exchange: (refreshToken: string | undefined) => Promise<IssuedTokens | Problem>;
  readonly onTokens: ((tokens: Tokens | null) => void) | undefined;
}

interface Held {
  readonly accessToken: string;
  readonly age: () => number;
  readonly staleMilliseconds: number;
  readonly lifeMilliseconds: number;
}

interface Page {
  readonly visibilityState?: string;
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

const longestPauseMilliseconds = 60_000;

export function createSession({ name, exchange, onTokens, ...options }: SessionOptions): Session {
  const listeners = new Set<(change: Change) => void>();
  const page = (globalThis as { readonly document?: Page }).document; // as: Node.js has none
  let { refreshToken } = options;
  let user: User | null | undefined;
  /** Whether `held` is the result of a refresh or a login. */
  let isChecked = false;
  let held: Held | undefined;
  let refreshing: Promise<User | null> | undefined;
  let failures = 0;
  /** The service asked to wait. */
  let busy:
    | { readonly error: unknown; readonly age: () => number; readonly milliseconds: number }
    | undefined;
  let stopTimer = () => {};
  let isClosed = false;

  const setUser = (next: User | null, reason: ChangeReason) => {
    if (JSON.stringify(next) === JSON.stringify(user)) return;
    user = next;
    // A listener that throws does not end the login: its error is an unhandled rejection.
    for (const listener of listeners) void Promise.resolve({ user: next, reason }).then(listener);
  };

  const keep = (tokens: IssuedTokens | undefined, age: () => number, reason: ChangeReason) => {
    const lifeMilliseconds = (tokens?.expiresIn ?? 0) * 1000;
    const staleMilliseconds = lifeMilliseconds * (0.75 + 0.15 * Math.random());
    held = tokens && { accessToken: tokens.accessToken, age, staleMilliseconds, lifeMilliseconds };
    [isChecked, failures, busy] = [true, 0, undefined];
    stopTimer();
    if (held) refreshLater(staleMilliseconds - age());
    if (name === undefined) {
      refreshToken = tokens?.refreshToken;
      onTokens?.(tokens && refreshToken ? { accessToken: tokens.accessToken, refreshToken } : null);
    }
    setUser(tokens?.user ?? null, reason);
  };

  /** A hidden tab does not refresh: it does so when it is used or visible again. */
  const refreshInBackground = () => {
    if (page?.visibilityState !== 'hidden') refresh().catch(() => {}); // it is scheduled again
  };
  const refreshLater = (milliseconds: number) => {
    stopTimer();
    if (!isClosed) stopTimer = startTimer(refreshInBackground, milliseconds);
  };

  const reasonOf = ({ id }: User): ChangeReason => {
    if (user === undefined) return 'restored';
    if (user === null) return 'login';
    return user.id === id ? 'updated' : 'switched';
  };

  const runRefresh = async (): Promise<User | null> => {
    const age = startStopwatch();
    const hasNone = name === undefined && refreshToken === undefined;
    try {
      const result = hasNone ? undefined : await exchange(refreshToken);
      const before = user;
      if (result?.__typename === 'TokenPair') keep(result, age, reasonOf(result.user));
      else keep(undefined, age, user === undefined ? 'restored' : 'expired');
      if (user?.id !== before?.id || before === undefined)
        tabs.announce({ userId: user?.id ?? null });
    } catch (error) {
      const retryAfter = error instanceof GatehouseError ? error.retryAfter : undefined;
      const milliseconds = (retryAfter ?? 0) * 1000;
      if (retryAfter !== undefined) busy = { error, age: startStopwatch(), milliseconds };
      const pause = Math.min(1000 * 2 ** failures, longestPauseMilliseconds);
      failures += 1;
      if (held) refreshLater(Math.max(milliseconds, pause) * (1 + Math.random() / 2));
      throw error;
    }
    return user ?? null;
  };

  const refresh = async (): Promise<User | null> => {
    if (busy && busy.age() < busy.milliseconds) throw busy.error;
    refreshing ??= tabs.exclusive(runRefresh).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };

  const isStale = () => (held ? held.age() >= held.staleMilliseconds : !isChecked);

  const onVisible = () => {
    if (user !== undefined && isStale()) refreshInBackground();
  };
  page?.addEventListener('visibilitychange', onVisible);

  const tabs = connectTabs(name, (message) => {
    if (message === 'logout') return keep(undefined, startStopwatch(), 'logout');
    if (message !== 'login' && message.userId === (user?.id ?? null)) return;
    // The login of another tab has replaced the session of this one, or the cookie has another user.
    [held, isChecked] = [undefined, false];
    onVisible();
  });

  return {
    get user() {
      return user;
    },
    get accessToken() {
      return held?.accessToken;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async getAccessToken({ refused, signal } = {}) {
      if (held && held.accessToken === refused) {
        held = { ...held, staleMilliseconds: 0, lifeMilliseconds: 0 };
      }
      if (isStale()) {
        await abortable(refresh(), signal).catch((error: unknown) => {
          signal?.throwIfAborted();
          if (!held || held.age() >= held.lifeMilliseconds) throw error;
        });
      }
      return held?.accessToken ?? null;
    },
    refresh,
    exclusive: tabs.exclusive,
    begin(tokens, age) {
      keep(tokens, age, 'login');
      tabs.announce('login');
    },
    end() {
      keep(undefined, startStopwatch(), 'logout');
      tabs.announce('logout');
    },
    setUser(next) {
      if (next.id === user?.id) setUser(next, 'updated');
    },
    close() {
      isClosed = true;
      stopTimer();
      listeners.clear();
      page?.removeEventListener('visibilitychange', onVisible);
      tabs.close();
    },
  };
}
