/**
 * The clients of the OAuth endpoints: service accounts, which authenticate with an API key as client secret, and the
 * public client of the sessions that begin at the endpoints of the service itself.
 */
import { Problem } from '../../core/errors.ts';
import type { ServiceAccountActor } from '../../core/request-context.ts';

/** `client_id` of sessions. */
const publicClientId = 'gatehouse';

export interface ClientCredentials {
  readonly clientId: string;
  /** Undefined for a client without authentication. */
  readonly secret: string | undefined;
}

/** @throws INVALID_CREDENTIALS, THROTTLED */
export type AuthenticateClient = (credentials: {
  readonly clientId: string;
  readonly secret: string;
}) => Promise<ServiceAccountActor>;

export interface Clients {
  /** @throws INVALID_CREDENTIALS, also for the public client and without credentials; THROTTLED */
  requireServiceAccount(client: ClientCredentials | undefined): Promise<ServiceAccountActor>;
  /**
   * The service account, or undefined for the public client, which needs no `client_id`.
   *
   * @throws INVALID_CREDENTIALS, THROTTLED
   */
  identify(client: ClientCredentials | undefined): Promise<ServiceAccountActor | undefined>;
}

export function createClients(authenticate: AuthenticateClient): Clients {
  const requireServiceAccount: Clients['requireServiceAccount'] = async (client) => {
    if (client?.secret === undefined) throw new Problem('INVALID_CREDENTIALS');
    return authenticate({ clientId: client.clientId, secret: client.secret });
  };
  return {
    requireServiceAccount,
    async identify(client) {
      const isPublic = client?.clientId === publicClientId && client.secret === undefined;
      return client && !isPublic ? requireServiceAccount(client) : undefined;
    },
  };
}
