/** The options of nodemailer for a connection to the mail server, and the access tokens of an OAuth 2 login. */
import { isIP } from 'node:net';
import type { MailLogin, RefreshTokenLogin, SmtpSettings } from '../config/mail-settings.ts';

export interface SmtpOptions {
  readonly settings: SmtpSettings;
  /** The host name of `PUBLIC_URL`. */
  readonly hostname: string;
  /** For a login by refresh token. */
  readonly tokens: TokenSource | undefined;
  /** How long the server may be silent. */
  readonly timeoutMs: number;
}

export function transportOptions({ settings, hostname, tokens, timeoutMs }: SmtpOptions) {
  const { host, port, encryption, ca, login } = settings;
  const name = heloName(hostname);
  return {
    host,
    port,
    secure: encryption === 'tls',
    requireTLS: encryption === 'starttls',
    ignoreTLS: encryption === 'none',
    ...(name === undefined ? {} : { name }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(login === undefined ? {} : { auth: authentication(login, tokens) }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** A domain or an address literal (RFC 5321 §4.1.3); undefined for a name of the local network. */
function heloName(hostname: string): string | undefined {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  if (version !== 0) return version === 4 ? `[${address}]` : `[IPv6:${address}]`;
  return hostname.includes('.') ? hostname : undefined;
}

type ProvisionToken = (
  user: string,
  isRejected: boolean,
  done: (error: Error | null, accessToken?: string, expiresAt?: number) => void,
) => void;

function authentication(login: MailLogin, tokens: TokenSource | undefined) {
  const { user } = login;
  if (login.kind === 'password') return { user, pass: login.password };
  if (login.kind === 'access-token') {
    return { type: 'OAuth2' as const, user, accessToken: login.accessToken };
  }
  const provisionCallback: ProvisionToken = (_user, isRejected, done) => {
    if (!tokens) return done(new Error('a login by refresh token needs a token source'));
    tokens.get(isRejected).then(
      ({ accessToken, expiresAt }) => done(null, accessToken, expiresAt),
      (error: Error) => done(error),
    );
  };
  return { type: 'OAuth2' as const, user, provisionCallback };
}

export interface AccessToken {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface TokenSource {
  /**
   * @param isRejected whether the mail server rejected the last one
   * @throws Error with the answer of the token endpoint
   */
  get(isRejected: boolean): Promise<AccessToken>;
  /** The last one, for the redaction of messages. */
  last(): string | undefined;
}

/** A token is replaced this long before it expires, so that it stays valid during a login. */
const expiryMarginMs = 60_000;
/** For an endpoint that omits `expires_in`, as RFC 6749 §5.1 permits. */
const defaultTtlSeconds = 300;

export function createTokenSource(login: RefreshTokenLogin, timeoutMs: number): TokenSource {
  let current: AccessToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  return {
    async get(isRejected) {
      if (!isRejected && current && current.expiresAt - expiryMarginMs > Date.now()) return current;
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
    const details = [text('error'), text('error_description')].filter((part) => part !== undefined);
    throw new Error(
      `the token endpoint ${tokenUrl} answered ${response.status} ${details.join(': ')}`,
    );
  }
  const ttlSeconds = Number(Reflect.get(values, 'expires_in')) || defaultTtlSeconds;
  return { accessToken, expiresAt: Date.now() + ttlSeconds * 1000 };
}
