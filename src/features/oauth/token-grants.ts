/** The grants of the token endpoint (RFC 6749 §4.4 and §6): new tokens for a service account, or for a session. */
import type { Actor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { holdsPermission } from '../access/access.ts';
import type { Refresh } from '../sessions/refresh.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { ClientCredentials, Clients } from './clients.ts';
import { invalidRequest, OAuthError } from './oauth-errors.ts';

export interface TokenRequest {
  readonly client: ClientCredentials | undefined;
  readonly grantType: string | undefined;
  readonly refreshToken: string | undefined;
  /** Names with spaces between. */
  readonly scope: string | undefined;
}

/** RFC 6749 §5.1 */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Seconds. */
  readonly expires_in: number;
  readonly refresh_token?: string;
  readonly scope?: string;
}

export interface TokenGrants {
  /** @throws OAuthError; INVALID_CREDENTIALS, INVALID_TOKEN, THROTTLED, VALIDATION_FAILED */
  grant(request: TokenRequest): Promise<TokenResponse>;
}

export interface TokenGrantsDeps {
  readonly clients: Clients;
  readonly refresh: Refresh;
  readonly tokens: Pick<Tokens, 'issueForClient'>;
  readonly clock: Clock;
}

export const grantTypes = ['client_credentials', 'refresh_token'] as const;

/** RFC 6749 §3.3. A token has to leave room for its other claims. */
const scopeSyntax = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const maxScopeLength = 1000;

export function createTokenGrants(deps: TokenGrantsDeps): TokenGrants {
  /** The same operation as `refreshTokens` of GraphQL. Sessions belong to the public client and have no scope. */
  const refreshSession = async (request: TokenRequest): Promise<TokenResponse> => {
    const { client, refreshToken, scope } = request;
    if (await deps.clients.identify(client)) {
      throw new OAuthError('unauthorized_client', 'Service accounts have no refresh tokens.');
    }
    if (refreshToken === undefined) throw invalidRequest('refresh_token is required.');
    if (scope !== undefined) throw new OAuthError('invalid_scope', 'Sessions have no scopes.');
    const tokens = await deps.refresh.refreshTokens(refreshToken);
    return {
      access_token: tokens.accessToken,
      token_type: tokens.tokenType,
      expires_in: tokens.expiresIn,
      refresh_token: tokens.refreshToken,
    };
  };

  const grantToClient = async ({ client, scope: raw }: TokenRequest): Promise<TokenResponse> => {
    const { actor, keyExpiresAt } = await deps.clients.requireServiceAccount(client);
    const scope = raw === undefined ? undefined : heldScope(actor, raw);
    const token = await deps.tokens.issueForClient(actor, { keyExpiresAt, scope });
    return {
      access_token: token.accessToken,
      token_type: token.tokenType,
      expires_in: token.expiresIn,
      ...(scope && { scope: scope.join(' ') }),
    };
  };

  return {
    async grant(request) {
      switch (request.grantType) {
        case 'client_credentials':
          return grantToClient(request);
        case 'refresh_token':
          return refreshSession(request);
        case undefined:
          throw invalidRequest('grant_type is required.');
        default:
          throw new OAuthError(
            'unsupported_grant_type',
            `The grant types are ${grantTypes.join(' and ')}.`,
          );
      }
    },
  };
}

/**
 * The permissions of a scope, each once.
 *
 * @throws OAuthError invalid_scope if the key does not have one of them
 */
function heldScope(actor: Actor, raw: string): readonly string[] {
  const isWellFormed = raw.length <= maxScopeLength && scopeSyntax.test(raw);
  const codes = isWellFormed ? [...new Set(raw.split(' '))] : [];
  if (codes.length > 0 && codes.every((code) => holdsPermission(actor, code))) return codes;
  throw new OAuthError('invalid_scope', 'A scope is a list of permissions that the API key has.');
}
