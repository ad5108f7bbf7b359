/**
 * Token revocation (RFC 7009). The holder of a token may revoke it: tokens of sessions belong to the public client.
 * An unknown token is no error.
 */
import { Problem } from '../../core/errors.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { KeyAuthentication } from '../api-keys/key-authentication.ts';
import type { PresentedTokens } from '../sessions/presented-tokens.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { ClientCredentials, Clients } from './clients.ts';
import { OAuthError } from './oauth-errors.ts';
import { formOf, type TokenForm } from './token-form.ts';

export interface Revocation {
  /**
   * Ends the session of a refresh token or access token, or revokes an API key. The access token of a service account
   * ends with its API key.
   *
   * @throws OAuthError unsupported_token_type; INVALID_CREDENTIALS, THROTTLED
   */
  revoke(token: string, client: ClientCredentials | undefined): Promise<void>;
}

export interface RevocationDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction'>;
  readonly keys: Pick<KeyAuthentication, 'inspect'>;
  readonly apiKeys: Pick<ApiKeys, 'findById' | 'revoke'>;
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

  const revokeApiKey = async (secret: string) => {
    const id = (await deps.keys.inspect(secret))?.actor.credential.id;
    if (id === undefined) return attemptLimits.consumeCode();
    const revokeOnce = async () => {
      const key = await deps.apiKeys.findById(id);
      if (key) await deps.apiKeys.revoke(key);
    };
    // Of parallel callers one revokes the key.
    await deps.unitOfWork.transaction(revokeOnce).catch((error: unknown) => {
      if (!(error instanceof Problem && error.code === 'NOT_FOUND')) throw error;
    });
  };

  const revokers = {
    'access-token': revokeAccessToken,
    'refresh-token': revokeRefreshToken,
    'api-key': revokeApiKey,
  } satisfies Record<TokenForm, (token: string) => Promise<void>>;

  return {
    async revoke(token, client) {
      await deps.clients.identify(client);
      await revokers[formOf(token)](token);
    },
  };
}
