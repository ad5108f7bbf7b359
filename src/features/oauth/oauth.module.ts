/** Wires the OAuth endpoints. */
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { ApiKeysModule } from '../api-keys/api-keys.module.ts';
import type { Audit, DenialDetails } from '../audit/audit.ts';
import { withLoggedDenials } from '../audit/denials.ts';
import { isServiceAccountClientId } from '../service-accounts/client-id.ts';
import type { SessionsModule } from '../sessions/sessions.module.ts';
import { type ClientCredentials, createClients } from './clients.ts';
import {
  createIntrospection,
  type Introspection,
  type IntrospectionCaller,
} from './introspection.ts';
import { createRevocation, type Revocation } from './revocation.ts';
import { createTokenGrants, type TokenGrants, type TokenRequest } from './token-grants.ts';

export interface OAuthModule {
  readonly tokenGrants: TokenGrants;
  readonly introspection: Introspection;
  readonly revocation: Revocation;
}

export interface OAuthModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly sessions: Pick<SessionsModule, 'refresh' | 'tokens' | 'presentedTokens'>;
  readonly keys: Pick<ApiKeysModule, 'apiKeys' | 'keyAuthentication'>;
  readonly audit: Pick<Audit, 'logDenial'>;
  readonly attemptLimits: AttemptLimits;
  readonly clock: Clock;
  readonly config: { readonly publicUrl: string };
}

export function createOAuthModule(deps: OAuthModuleDeps): OAuthModule {
  const { refresh, tokens, presentedTokens } = deps.sessions;
  const { apiKeys, keyAuthentication: keys } = deps.keys;
  const { unitOfWork, audit, attemptLimits, clock } = deps;
  const clients = createClients(keys);
  const issuer = deps.config.publicUrl;
  const tokenGrants = createTokenGrants({ clients, refresh, tokens, clock });
  const introspection = createIntrospection({ clients, keys, tokens, presentedTokens, issuer });
  const revocation = createRevocation({
    unitOfWork,
    clients,
    keys,
    apiKeys,
    tokens,
    presentedTokens,
    attemptLimits,
  });
  const codes = ['INVALID_CREDENTIALS', 'FORBIDDEN'] as const;
  return {
    tokenGrants: withLoggedDenials(audit, codes, tokenGrants, ({ client }: TokenRequest) =>
      detailsOf(client),
    ),
    introspection: withLoggedDenials(
      audit,
      codes,
      introspection,
      (_token: unknown, { client }: IntrospectionCaller) => detailsOf(client),
    ),
    revocation: withLoggedDenials(
      audit,
      codes,
      revocation,
      (_token: unknown, client: ClientCredentials | undefined) => detailsOf(client),
    ),
  };
}

/** The client id for the log. Only a well-formed one, because a caller may send a secret in its place. */
function detailsOf(client: ClientCredentials | undefined): DenialDetails {
  return client && isServiceAccountClientId(client.clientId) ? { clientId: client.clientId } : {};
}
