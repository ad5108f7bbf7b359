/**
 * The clients of the OAuth endpoints: service accounts, which authenticate with an API key as client secret, and the
 * public client of the sessions that begin at the endpoints of the service itself.
 */
import { Problem } from '../../core/errors.ts';
import { ownClientId } from '../../crypto/access-token.ts';
import type { AuthenticatedClient, KeyAuthentication } from '../api-keys/key-authentication.ts';

export interface ClientCredentials {
  readonly clientId: string;
  /** Undefined for a client without authentication. */
  readonly secret: string | undefined;
}

export interface Clients {
  /** @throws INVALID_CREDENTIALS, also for the public client and without credentials; THROTTLED */
  requireServiceAccount(client: ClientCredentials | undefined): Promise<AuthenticatedClient>;
  /**
   * The service account, or undefined for the public client, which needs no `client_id`.
   *
   * @throws INVALID_CREDENTIALS, THROTTLED
   */
  identify(client: ClientCredentials | undefined): Promise<AuthenticatedClient | undefined>;
}

export function createClients(keys: Pick<KeyAuthentication, 'authenticateClient'>): Clients {
  const requireServiceAccount: Clients['requireServiceAccount'] = async (client) => {
    const { clientId, secret } = client ?? {};
    const isComplete = clientId !== undefined && secret !== undefined;
    const account = isComplete ? await keys.authenticateClient({ clientId, secret }) : undefined;
    if (!account) throw new Problem('INVALID_CREDENTIALS');
    return account;
  };
  return {
    requireServiceAccount,
    async identify(client) {
      const isPublic = client?.clientId === ownClientId && client.secret === undefined;
      return client && !isPublic ? requireServiceAccount(client) : undefined;
    },
  };
}
