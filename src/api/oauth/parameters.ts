/** The parameters of a request to an OAuth endpoint, and the credentials of its client. */
import type { FastifyRequest } from 'fastify';
import { decodeUtf8 } from '../../core/text.ts';
import type { ClientCredentials } from '../../features/oauth/clients.ts';
import { invalidRequest, OAuthError } from '../../features/oauth/oauth-errors.ts';

export type OAuthParameters = ReadonlyMap<string, string>;

/**
 * The parameters of the body. An empty value counts as no value (RFC 6749 §3.2).
 *
 * @throws OAuthError invalid_request for a repeated parameter or a value that is no text
 */
export function parametersOf({ body = {} }: FastifyRequest): OAuthParameters {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('Send the parameters as form data in the body.');
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries(body)) {
    if (Array.isArray(value)) throw invalidRequest('A parameter is repeated.');
    if (typeof value !== 'string') throw invalidRequest('A parameter is no text.');
    if (value !== '') parameters.set(name, value);
  }
  return parameters;
}

/** @throws OAuthError invalid_request */
export function required(parameters: OAuthParameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw invalidRequest(`${name} is required.`);
  return value;
}

/**
 * The client by `client_secret_basic`, `client_secret_post` or `client_id` alone; undefined without any of them.
 *
 * @throws OAuthError invalid_request for two methods at once (RFC 6749 §2.3), invalid_client for a malformed header
 */
export function clientOf(
  { headers }: FastifyRequest,
  parameters: OAuthParameters,
): ClientCredentials | undefined {
  const basic = basicCredentials(headers.authorization);
  const clientId = parameters.get('client_id');
  const secret = parameters.get('client_secret');
  if (!basic) {
    if (clientId !== undefined) return { clientId, secret };
    if (secret !== undefined) throw invalidRequest('client_id is required with client_secret.');
    return undefined;
  }
  const isTwice = secret !== undefined || (clientId ?? basic.clientId) !== basic.clientId;
  if (isTwice) throw invalidRequest('Use one method of client authentication.');
  return basic;
}

/** Name and password of `Basic`, each encoded as in a form (RFC 6749 §2.3.1). */
function basicCredentials(header: string | undefined): ClientCredentials | undefined {
  const encoded = /^basic(?: +(.*))?$/i.exec(header ?? '');
  if (!encoded) return undefined;
  try {
    const text = decodeUtf8(Buffer.from(encoded[1] ?? '', 'base64'));
    const [clientId = '', ...rest] = text.split(':');
    if (rest.length === 0) throw new Error('no colon');
    const secret = formDecoded(rest.join(':'));
    return { clientId: formDecoded(clientId), secret: secret === '' ? undefined : secret };
  } catch {
    throw new OAuthError('invalid_client', 'The Authorization header is malformed.');
  }
}

function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
