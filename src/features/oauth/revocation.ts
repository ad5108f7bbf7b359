/**
 * Token revocation (RFC 7009). The holder of a token may revoke it: tokens of sessions belong to the public client.
 * An unknown token is no error.
 */
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { PresentedTokens } from '../sessions/presented-tokens.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { ClientCredentials, Clients } from './clients.ts';
import { OAuthError } from './oauth-errors.ts';
import { formOf } from './token-form.ts';

export interface Revocation {
  /**
   * Ends the session of a refresh token or access token. A service account's access token ends with its API key.
   *
   * @throws OAuthError unsupported_token_type; INVALID_CREDENTIALS, THROTTLED
   */
  revoke(token: string, client: ClientCredentials | undefined): Promise<void>;
}

export interface RevocationDeps {
  readonly clients: Clients;
  readonly tokens: Pick<Tokens, 'authenticate'>;
  readonly presentedTokens: PresentedTokens;
  readonly attemptLimits: Pick<AttemptLimits, 'consumeCode'>;
}

export function createRevocation(deps: RevocationDeps): Revocation {
  const { tokens, presentedTokens, attemptLimits } = deps;

  const revokeAccessToken = async (token: string) => {
    const credential = (await tokens.authenticate(token))?.credential;
    if (credential?.kind === 'session') await presentedTokens.end(credential.id);
    if (credential?.kind === 'api-key') {
      const description = 'The access token of a service account ends with its API key.';
      throw new OAuthError('unsupported_token_type', description);
    }
  };

  /** A replaced refresh token ends its session too, as its reuse does. */
  const revokeRefreshToken = async (token: string) => {
    const sessionId = presentedTokens.sessionIdOf(token);
    if (sessionId === undefined) await attemptLimits.consumeCode();
    else await presentedTokens.end(sessionId);
  };

  return {
    async revoke(token, client) {
      await deps.clients.identify(client);
      if (formOf(token) === 'access-token') await revokeAccessToken(token);
      else await revokeRefreshToken(token);
    },
  };
}
