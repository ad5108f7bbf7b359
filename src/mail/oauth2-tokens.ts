/** Access tokens for XOAUTH2, got from a token endpoint for a refresh token and kept while they last. */
import type { RefreshTokenLogin } from '../core/mail-settings.ts';

export interface AccessToken {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface TokenSource {
  /**
   * @param isRefused whether the mail server has refused the last one
   * @throws Error with what the token endpoint said
   */
  get(isRefused: boolean): Promise<AccessToken>;
  /** The last one, which messages must not show. */
  last(): string | undefined;
}

/** A token is replaced so long before it expires: it has to last for a login. */
const marginMs = 60_000;
/** RFC 6749 §5.1 lets an endpoint leave it out. */
const usualLifeSeconds = 300;

export function createTokenSource(login: RefreshTokenLogin, timeoutMs: number): TokenSource {
  let current: AccessToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  return {
    async get(isRefused) {
      if (!isRefused && current && current.expiresAt - marginMs > Date.now()) return current;
      pending ??= requestToken(login, timeoutMs).finally(() => {
        pending = undefined;
      });
      current = await pending;
      return current;
    },
    last: () => current?.accessToken,
  };
}

/** RFC 6749 §6. */
async function requestToken(login: RefreshTokenLogin, timeoutMs: number): Promise<AccessToken> {
  const { tokenUrl, clientId, clientSecret, refreshToken } = login;
  const response = await fetch(tokenUrl, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: clientId,
      ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
      refresh_token: refreshToken,
    }),
  }).catch((error: Error) => {
    const cause = error.cause instanceof Error ? error.cause : error;
    throw new Error(`no answer from the token endpoint ${tokenUrl}: ${cause.message}`);
  });
  const answer: unknown = await response.json().catch(() => undefined);
  const values = (typeof answer === 'object' ? answer : null) ?? {};
  const text = (name: string) => {
    const value: unknown = Reflect.get(values, name);
    return typeof value === 'string' ? value : undefined;
  };
  const accessToken = text('access_token');
  if (!response.ok || accessToken === undefined) {
    const words = [text('error'), text('error_description')].filter((word) => word !== undefined);
    throw new Error(
      `the token endpoint ${tokenUrl} answered ${response.status} ${words.join(': ')}`,
    );
  }
  const lifeSeconds = Number(Reflect.get(values, 'expires_in')) || usualLifeSeconds;
  return { accessToken, expiresAt: Date.now() + lifeSeconds * 1000 };
}
