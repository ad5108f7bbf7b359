/** Wires the OAuth endpoints. */

import { Problem } from '../../core/errors.ts';
import type { Clock } from '../../core/time.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import type { SessionsModule } from '../sessions/sessions.module.ts';
import { type AuthenticateClient, createClients } from './clients.ts';
import { createRevocation, type Revocation } from './revocation.ts';
import { createTokenGrants, type TokenGrants } from './token-grants.ts';

export interface OAuthModule {
  readonly tokenGrants: TokenGrants;
  readonly revocation: Revocation;
}

export interface OAuthModuleDeps {
  readonly sessions: Pick<SessionsModule, 'refresh' | 'tokens' | 'presentedTokens'>;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
  readonly clock: Clock;
}

const noClient: AuthenticateClient = async () => {
  throw new Problem('INVALID_CREDENTIALS');
};

export function createOAuthModule(deps: OAuthModuleDeps): OAuthModule {
  const { refresh, tokens, presentedTokens } = deps.sessions;
  const { attemptLimits, audit, clock } = deps;
  const clients = createClients(noClient);
  return {
    tokenGrants: createTokenGrants({ clients, refresh, audit, clock }),
    revocation: createRevocation({ clients, tokens, presentedTokens, attemptLimits }),
  };
}
