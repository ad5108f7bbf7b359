/** Requests to the OAuth endpoints, as clients send them. */
import type { RestAnswer } from './client.ts';

export interface OAuthRequest {
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>> | string;
  readonly json?: unknown;
  /** Sent as `client_secret_basic`. */
  readonly basic?: readonly [clientId: string, secret: string];
  readonly headers?: Readonly<Record<string, string>>;
}

export async function oauth(
  at: { readonly address: string },
  endpoint: 'token' | 'introspect' | 'revoke',
  { form, json, basic, headers }: OAuthRequest,
): Promise<RestAnswer> {
  const encoded = basic?.map(encodeURIComponent).join(':') ?? '';
  const response = await fetch(`${at.address}/oauth/${endpoint}`, {
    method: 'POST',
    headers: {
      'content-type': json === undefined ? 'application/x-www-form-urlencoded' : 'application/json',
      ...(basic ? { authorization: `Basic ${Buffer.from(encoded).toString('base64')}` } : {}),
      ...headers,
    },
    body: json === undefined ? new URLSearchParams(form).toString() : JSON.stringify(json),
  });
  const text = await response.text();
  const body = text.startsWith('{') ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, body };
}
