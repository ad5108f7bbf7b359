/** What nodemailer needs to know to reach the mail server and to log in there. */
import { isIP } from 'node:net';
import type { MailLogin, SmtpSettings } from '../core/mail-settings.ts';
import type { TokenSource } from './oauth2-tokens.ts';

export interface SmtpOptions {
  readonly settings: SmtpSettings;
  /** Of `PUBLIC_URL`. */
  readonly hostname: string;
  /** Of a login by refresh token. */
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

/** A domain, or an address literal (RFC 5321 §4.1.3); undefined where only this machine knows it. */
function heloName(hostname: string): string | undefined {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  if (version !== 0) return version === 4 ? `[${address}]` : `[IPv6:${address}]`;
  return hostname.includes('.') ? hostname : undefined;
}

type ProvisionToken = (
  user: string,
  isRefused: boolean,
  done: (error: Error | null, accessToken?: string, expiresAt?: number) => void,
) => void;

function authentication(login: MailLogin, tokens: TokenSource | undefined) {
  const { user } = login;
  if (login.kind === 'password') return { user, pass: login.password };
  if (login.kind === 'access-token') {
    return { type: 'OAuth2' as const, user, accessToken: login.accessToken };
  }
  const provisionCallback: ProvisionToken = (_user, isRefused, done) => {
    if (!tokens) return done(new Error('a login by refresh token needs a token source'));
    tokens.get(isRefused).then(
      ({ accessToken, expiresAt }) => done(null, accessToken, expiresAt),
      (error: Error) => done(error),
    );
  };
  return { type: 'OAuth2' as const, user, provisionCallback };
}
