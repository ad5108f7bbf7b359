/** The mail settings from the `EMAIL_…` variables, and the contradictions between these variables. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type MailAddress, parseMailAddress } from '../core/mail-address.ts';

export type MailSettings = { readonly kind: 'mailbox'; readonly from: MailAddress } | SmtpSettings;

export interface SmtpSettings {
  readonly kind: 'smtp';
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte, required STARTTLS, or plain text. */
  readonly encryption: 'tls' | 'starttls' | 'none';
  /** Certificates (PEM) of the only authorities to trust; undefined: the public authorities. */
  readonly ca: string | undefined;
  /** Undefined: a relay without login. */
  readonly login: MailLogin | undefined;
  readonly from: MailAddress;
}

export type MailLogin =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'access-token'; readonly user: string; readonly accessToken: string }
  | RefreshTokenLogin;

/** XOAUTH2 with access tokens from a token endpoint, for a refresh token (RFC 6749 §6). */
export interface RefreshTokenLogin {
  readonly kind: 'refresh-token';
  readonly user: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Undefined: a public client. */
  readonly clientSecret: string | undefined;
  readonly refreshToken: string;
}

/** The variables; each is valid by itself. */
export interface MailVariables {
  /** The name of the sender if EMAIL_FROM has none. */
  readonly APP_NAME: string;
  readonly EMAIL_HOST?: string | undefined;
  readonly EMAIL_PORT?: number | undefined;
  readonly EMAIL_USE_TLS?: boolean | undefined;
  readonly EMAIL_USE_SSL?: boolean | undefined;
  readonly EMAIL_HOST_USER?: string | undefined;
  readonly EMAIL_HOST_PASSWORD?: string | undefined;
  readonly EMAIL_OAUTH2_ACCESS_TOKEN?: string | undefined;
  readonly EMAIL_OAUTH2_CLIENT_ID?: string | undefined;
  readonly EMAIL_OAUTH2_CLIENT_SECRET?: string | undefined;
  readonly EMAIL_OAUTH2_REFRESH_TOKEN?: string | undefined;
  readonly EMAIL_OAUTH2_TOKEN_URL: string;
  readonly EMAIL_FROM?: MailAddress | undefined;
}

/** @param ca the text of EMAIL_CA_FILE */
export function mailSettings(variables: MailVariables, ca: string | undefined): MailSettings {
  const { EMAIL_HOST_USER: user, EMAIL_FROM, EMAIL_PORT, EMAIL_USE_SSL, APP_NAME } = variables;
  const sender = EMAIL_FROM ??
    parseMailAddress(user ?? '') ?? { name: '', address: 'gatehouse@localhost' };
  const from = { ...sender, name: sender.name || APP_NAME };
  const host = variables.EMAIL_HOST ?? (user === undefined ? undefined : 'smtp.gmail.com');
  if (host === undefined) return { kind: 'mailbox', from };
  return {
    kind: 'smtp',
    host,
    port: EMAIL_PORT ?? (EMAIL_USE_SSL ? 465 : 587),
    encryption: encryptionOf(variables),
    ca,
    login: loginOf(variables),
    from,
  };
}

function encryptionOf({ EMAIL_USE_SSL, EMAIL_USE_TLS, EMAIL_PORT }: MailVariables) {
  if (EMAIL_USE_SSL ?? EMAIL_PORT === 465) return 'tls';
  return EMAIL_USE_TLS === false ? 'none' : 'starttls';
}

function loginOf(variables: MailVariables): MailLogin | undefined {
  const {
    EMAIL_HOST_USER: user,
    EMAIL_HOST_PASSWORD: password,
    EMAIL_OAUTH2_ACCESS_TOKEN: accessToken,
    EMAIL_OAUTH2_CLIENT_ID: clientId,
    EMAIL_OAUTH2_CLIENT_SECRET: clientSecret,
    EMAIL_OAUTH2_REFRESH_TOKEN: refreshToken,
    EMAIL_OAUTH2_TOKEN_URL: tokenUrl,
  } = variables;
  if (user === undefined) return undefined;
  if (accessToken !== undefined) return { kind: 'access-token', user, accessToken };
  if (refreshToken !== undefined && clientId !== undefined) {
    return { kind: 'refresh-token', user, tokenUrl, clientId, clientSecret, refreshToken };
  }
  return password === undefined ? undefined : { kind: 'password', user, password };
}

type Environment = Readonly<Record<string, string | undefined>>;

const oauth2Names = {
  accessToken: 'EMAIL_OAUTH2_ACCESS_TOKEN',
  clientId: 'EMAIL_OAUTH2_CLIENT_ID',
  clientSecret: 'EMAIL_OAUTH2_CLIENT_SECRET',
  refreshToken: 'EMAIL_OAUTH2_REFRESH_TOKEN',
} as const satisfies Readonly<Record<string, keyof MailVariables>>;

/** Faults of the login variables: incomplete groups, and more than one kind of login. */
export function mailLoginFaults(environment: Environment): string[] {
  const has = (name: string) => environment[name] !== undefined;
  const isOauth2 = Object.values(oauth2Names).some(has);
  if (!isOauth2) {
    return has('EMAIL_HOST_USER') === has('EMAIL_HOST_PASSWORD')
      ? []
      : ['EMAIL_HOST_USER and EMAIL_HOST_PASSWORD go together: set both or neither'];
  }
  const faults: string[] = [];
  if (!has('EMAIL_HOST_USER')) faults.push('EMAIL_HOST_USER must be set with EMAIL_OAUTH2_…');
  if (has('EMAIL_HOST_PASSWORD')) {
    faults.push('EMAIL_HOST_PASSWORD and EMAIL_OAUTH2_… exclude each other: unset one of them');
  }
  if (has(oauth2Names.accessToken) && has(oauth2Names.refreshToken)) {
    faults.push(
      `${oauth2Names.accessToken} and ${oauth2Names.refreshToken} exclude each other: unset one of them`,
    );
  }
  if (
    has(oauth2Names.refreshToken) !== has(oauth2Names.clientId) ||
    (has(oauth2Names.clientSecret) && !has(oauth2Names.clientId))
  ) {
    faults.push(
      `${oauth2Names.clientId} and ${oauth2Names.refreshToken} go together: set both or neither`,
    );
  }
  return faults;
}

/** Contradictions between variables that are valid by themselves. */
export function mailFaults(variables: MailVariables & { EMAIL_CA_FILE?: string | undefined }) {
  const faults: string[] = [];
  if (variables.EMAIL_USE_SSL && variables.EMAIL_USE_TLS) {
    faults.push(
      'EMAIL_USE_SSL (TLS from the start) and EMAIL_USE_TLS (STARTTLS) exclude each other: set one of them to True',
    );
  }
  if (encryptionOf(variables) !== 'none') return faults;
  if (variables.EMAIL_CA_FILE !== undefined) {
    faults.push('EMAIL_CA_FILE has no use without TLS: set EMAIL_USE_TLS or EMAIL_USE_SSL to True');
  }
  const isOauth2 =
    variables[oauth2Names.accessToken] !== undefined ||
    variables[oauth2Names.refreshToken] !== undefined;
  if (isOauth2) {
    faults.push('EMAIL_OAUTH2_… needs TLS: set EMAIL_USE_TLS or EMAIL_USE_SSL to True');
  }
  return faults;
}

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The text of a PEM file with certificates, or the fault of the file. */
export function readCertificates(path: string): { ca: string } | { fault: string } {
  try {
    const ca = readFileSync(path, 'utf8');
    const blocks = ca.match(certificate) ?? [];
    for (const block of blocks) new X509Certificate(block);
    return blocks.length > 0 ? { ca } : { fault: `must hold certificates in PEM: ${path}` };
  } catch (error) {
    const isMissing = error instanceof Error && 'syscall' in error;
    return {
      fault: isMissing
        ? `cannot be read: ${error.message}`
        : `must hold certificates in PEM: ${path}`,
    };
  }
}
