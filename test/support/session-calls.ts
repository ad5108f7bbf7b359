/** Requests of a client with its tokens, to any process of the service. */
import type { Client } from './client.ts';
import { partsOf } from './forge.ts';
import type { Login } from './people.ts';

/** The new tokens; undefined for INVALID_TOKEN; throws for any other response. */
export async function refresh(at: Client, refreshToken: string): Promise<Login | undefined> {
  const answer = await at.rest('POST', '/token/refresh/', {
    json: { refresh_token: refreshToken },
  });
  if (answer.status === 401 && answer.body.data.code === 'INVALID_TOKEN') return undefined;
  if (answer.status !== 200) throw new Error(`refresh: ${answer.status} ${answer.text}`);
  const { access_token: accessToken, refresh_token: newToken } = answer.body.data;
  return { accessToken, refreshToken: newToken };
}

/** The tokens without the signature of the access token: with ES256 each signature is a different one. */
export function unsigned<Tokens extends { readonly accessToken: string }>(tokens: Tokens) {
  return { ...tokens, accessToken: partsOf(tokens.accessToken) };
}

/** Whether the access token is accepted; throws for a status other than 200 and 401. */
export async function isIn(at: Client, accessToken: string): Promise<boolean> {
  const { status, text } = await at.rest('GET', '/profile/view/', { token: accessToken });
  if (status !== 200 && status !== 401) throw new Error(`profile: ${status} ${text}`);
  return status === 200;
}

/** Ends the session of the access token, and waits for the response. */
export async function logOut(at: Client, accessToken: string): Promise<void> {
  const { status, text } = await at.rest('POST', '/logout/', { token: accessToken });
  if (status !== 204) throw new Error(`logout: ${status} ${text}`);
}

/** The session of an access token, unverified. */
export function sessionIdOf(accessToken: string): string {
  const [, payload = ''] = accessToken.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).sid;
}
